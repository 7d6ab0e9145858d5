// libcurl's handle of one transfer.
// SPDX-License-Identifier: Apache-2.0

import CCurl

/// An easy handle with its headers; given back when it is no longer used. One thread at a time uses it.
// SAFETY: the thread of the transport, or of an upload, makes, uses and ends it.
@safe final class CurlHandle: @unchecked Sendable {
    let pointer: UnsafeMutableRawPointer
    private var headers: UnsafeMutablePointer<curl_slist>?

    /// Nil where there is no memory.
    init?() {
        guard let pointer = unsafe curl_easy_init() else { return nil }
        unsafe self.pointer = pointer
    }

    deinit {
        unsafe curl_easy_cleanup(pointer)
        unsafe curl_slist_free_all(headers)
    }

    /// What tells it from others.
    var number: Int { unsafe Int(bitPattern: pointer) }

    /// A time of the transfer, in seconds.
    func seconds(_ info: CURLINFO) -> Double {
        Double(unsafe ovafs_curl_microseconds(pointer, info)) / 1e6
    }

    func number(_ info: CURLINFO) -> Int {
        unsafe ovafs_curl_number(pointer, info)
    }

    func set(_ option: CURLoption, _ value: Int) {
        _ = unsafe ovafs_curl_set_number(pointer, option, value)
    }

    /// libcurl copies the string.
    func set(_ option: CURLoption, _ value: String) {
        _ = unsafe ovafs_curl_set_string(pointer, option, value)
    }

    /// libcurl copies the body.
    func setBody(_ body: [UInt8]) {
        _ = unsafe ovafs_curl_set_length(pointer, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.count))
        unsafe body.withUnsafeBytes { buffer in
            // SAFETY: the length was set before, and libcurl copies so many bytes; none are read where there are none.
            let start = unsafe buffer.baseAddress.map { unsafe UnsafeMutableRawPointer(mutating: $0) }
            if let start = unsafe start {
                _ = unsafe ovafs_curl_set_pointer(pointer, CURLOPT_COPYPOSTFIELDS, start)
            } else {
                _ = unsafe ovafs_curl_set_string(pointer, CURLOPT_COPYPOSTFIELDS, "")
            }
        }
    }

    /// The body is so long and comes by `sendBody`. What libcurl counts as sent is on its way then, and does not wait in the
    /// system for a server that is slow to take it.
    func setUpload(_ byteCount: UInt64) {
        set(CURLOPT_UPLOAD, 1)
        let length = curl_off_t(clamping: byteCount)
        _ = unsafe ovafs_curl_set_length(pointer, CURLOPT_INFILESIZE_LARGE, length)
        set(CURLOPT_UPLOAD_BUFFERSIZE, 512 << 10)
        _ = unsafe ovafs_curl_bound_unsent(pointer)
    }

    /// Does the request on this thread, from its beginning to its end.
    func perform() -> CURLcode {
        unsafe curl_easy_perform(pointer)
    }

    /// False where there is no memory.
    func add(_ header: HTTPHeader) -> Bool {
        // A header without a value is written with a semicolon; one that is to be left out, with a colon.
        let isLeftOut = header.name == "Expect"
        let line = header.value.isEmpty && !isLeftOut ? "\(header.name);" : "\(header.name): \(header.value)"
        guard let longer = unsafe curl_slist_append(headers, line) else { return false }
        unsafe headers = longer
        return true
    }

    func useHeaders() -> Bool {
        unsafe ovafs_curl_set_headers(pointer, headers) == CURLE_OK
    }

    /// `context` is a `CurlTransfer`, which the callbacks call.
    func setCallbacks(context: UnsafeMutableRawPointer, message: UnsafeMutablePointer<CChar>) {
        _ = unsafe ovafs_curl_set_receiver(pointer, CURLOPT_HEADERFUNCTION, receiveHeader)
        _ = unsafe ovafs_curl_set_pointer(pointer, CURLOPT_HEADERDATA, context)
        _ = unsafe ovafs_curl_set_receiver(pointer, CURLOPT_WRITEFUNCTION, receiveBody)
        _ = unsafe ovafs_curl_set_pointer(pointer, CURLOPT_WRITEDATA, context)
        _ = unsafe ovafs_curl_set_receiver(pointer, CURLOPT_READFUNCTION, sendBody)
        _ = unsafe ovafs_curl_set_pointer(pointer, CURLOPT_READDATA, context)
        _ = unsafe ovafs_curl_set_progress(pointer, lookWhetherWanted)
        _ = unsafe ovafs_curl_set_pointer(pointer, CURLOPT_XFERINFODATA, context)
        _ = unsafe ovafs_curl_set_number(pointer, CURLOPT_NOPROGRESS, 0)
        _ = unsafe ovafs_curl_set_pointer(pointer, CURLOPT_ERRORBUFFER, message)
    }
}

/// The transfer that libcurl calls back for.
private func transfer(_ context: UnsafeMutableRawPointer?) -> CurlTransfer? {
    guard let context = unsafe context else { return nil }
    // SAFETY: the transport keeps the transfer until its handle is given back.
    return unsafe Unmanaged<CurlTransfer>.fromOpaque(context).takeUnretainedValue()
}

private func receiveHeader(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
    guard let transfer = unsafe transfer(context) else { return 0 }
    // SAFETY: libcurl lends `size * count` bytes, `size` being 1, for the time of the call.
    let line = unsafe Array(UnsafeRawBufferPointer(start: bytes, count: size &* count))
    return transfer.takeHeader(line) ? line.count : 0
}

private func receiveBody(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
    let byteCount = size &* count
    guard let transfer = unsafe transfer(context), byteCount > 0 else { return 0 }
    // SAFETY: libcurl lends so many bytes for the time of the call.
    let buffer = unsafe UnsafeRawBufferPointer(start: bytes, count: byteCount)
    return unsafe transfer.takeBody(buffer.bytes) ? byteCount : 0
}

private func sendBody(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
    let room = unsafe UnsafeMutableRawBufferPointer(start: bytes, count: size &* count)
    guard let transfer = unsafe transfer(context), let part = transfer.takeToSend(upTo: room.count),
        part.count <= room.count
    else { return Int(CURL_READFUNC_ABORT) }
    // SAFETY: libcurl lends so much room for the time of the call, and the part is no longer.
    unsafe part.withUnsafeBytes { unsafe room.copyMemory(from: $0) }
    return part.count
}

private func lookWhetherWanted(
    _ context: UnsafeMutableRawPointer?, _: curl_off_t, _ receivedByteCount: curl_off_t, _: curl_off_t,
    _ sentByteCount: curl_off_t
) -> CInt {
    let movedByteCount = Int64(receivedByteCount) &+ Int64(sentByteCount)
    return unsafe transfer(context)?.isToEnd(movedByteCount: movedByteCount) == true ? 1 : 0
}
