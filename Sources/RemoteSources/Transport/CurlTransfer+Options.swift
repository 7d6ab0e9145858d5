// A request in libcurl's terms.
// SPDX-License-Identifier: Apache-2.0

import CCurl

extension CurlTransfer {
    /// Why the request is not even begun.
    var refusal: TransportError? {
        guard request.address.origin.scheme == .https, let path = request.security.fileThatIsNone else {
            return nil
        }
        return TransportError(
            .request, at: place, "\(ServiceText.quotable(path)) is not a file with certificates or a key")
    }

    /// A handle for the transfer, and the list of headers that has to live as long; nil where there is no memory.
    /// What libcurl is given of this object is used until the handle is given back.
    func makeHandle(userAgent: String) -> CurlHandle? {
        guard let handle = CurlHandle() else { return nil }
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        handle.set(CURLOPT_URL, request.address.text)
        handle.set(CURLOPT_PROTOCOLS_STR, "http,https")
        handle.set(CURLOPT_USERAGENT, userAgent)
        handle.set(CURLOPT_NOSIGNAL, 1)
        // Ending a transfer must not wait for a name server.
        handle.set(CURLOPT_QUICK_EXIT, 1)
        handle.set(CURLOPT_PATH_AS_IS, 1)
        handle.set(CURLOPT_FOLLOWLOCATION, 0)
        handle.set(CURLOPT_HTTP09_ALLOWED, 0)
        handle.set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
        handle.set(CURLOPT_HEADEROPT, 1)
        handle.set(CURLOPT_TCP_KEEPALIVE, 1)
        handle.set(CURLOPT_BUFFERSIZE, 512 << 10)
        // Data: several connections, as one has one loss for all that goes over it.
        handle.set(
            CURLOPT_HTTP_VERSION, isForData ? CURL_HTTP_VERSION_1_1 : CURL_HTTP_VERSION_2TLS)
        // Of an upload libcurl knows not which time its source took.
        if upload == nil {
            handle.set(CURLOPT_LOW_SPEED_TIME, limits.silenceInSeconds)
            handle.set(CURLOPT_LOW_SPEED_LIMIT, limits.leastBytesPerSecond)
        }
        handle.set(CURLOPT_CONNECTTIMEOUT_MS, limits.connectionInSeconds * 1_000)
        if deadline < .never {
            handle.set(CURLOPT_TIMEOUT_MS, max(1, Int(min(deadline.remaining(), 1e6) * 1_000)))
        }
        let isSigned = request.headers.contains { $0.name.lowercased() == "authorization" }
        handle.set(CURLOPT_NETRC, request.usesNetrc && !isSigned ? 1 : 0)
        setSecurity(of: handle)
        setMethod(of: handle)
        for header in request.headers where !handle.add(header) { return nil }
        // A long body is sent when the server has not refused its head: what it says then is not lost.
        guard upload != nil || handle.add(HTTPHeader(checked: "Expect", "")), handle.useHeaders() else {
            return nil
        }
        // SAFETY: the object outlives the handle, as the transport keeps both until the end of the transfer.
        unsafe handle.setCallbacks(context: context, message: message)
        return handle
    }

    private func setSecurity(of handle: CurlHandle) {
        let security = request.security
        handle.set(CURLOPT_SSL_VERIFYPEER, security.isVerified ? 1 : 0)
        handle.set(CURLOPT_SSL_VERIFYHOST, security.isVerified ? 2 : 0)
        if let path = security.authoritiesPath { handle.set(CURLOPT_CAINFO, path) }
        if let path = security.certificatePath { handle.set(CURLOPT_SSLCERT, path) }
        if let path = security.keyPath { handle.set(CURLOPT_SSLKEY, path) }
    }

    private func setMethod(of handle: CurlHandle) {
        guard request.method != .get || request.body != nil || upload != nil else { return }
        if let body = request.body { handle.setBody(body) }
        if let upload { handle.setUpload(upload.byteCount) }
        handle.set(CURLOPT_CUSTOMREQUEST, request.method.rawValue)
    }
}
