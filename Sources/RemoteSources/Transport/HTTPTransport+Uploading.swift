// Requests with a body that is made while it is sent.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

extension HTTPTransport: HTTPUploading {
    /// In seconds.
    private static let longestEnd = 2.0

    package func upload(
        _ request: HTTPRequest, body: any HTTPBodyStream, bodyLimit: Int, silence: Double
    ) throws(TransportError) -> HTTPAnswer {
        let sink = AnswerSink(bodyLimit: bodyLimit)
        let upload = UploadBody(body, silence: silence, leastBytesPerSecond: limits.leastBytesPerSecond)
        let transfer = CurlTransfer(
            request, sending: upload, isForData: true, into: sink, until: .never, limits: limits)
        let userAgent = userAgent
        let thread: WorkerThread
        do throws(ReadError) {
            // A thread of its own: the body comes from disks and decoders, for which no other transfer is to wait. The
            // connection is new, so nothing that was sent is ever wanted again.
            thread = try WorkerThread { transfer.performAlone(userAgent: userAgent) }
        } catch {
            throw TransportError(.connection, at: transfer.place, "\(error)")
        }
        defer { thread.join(until: MonotonicClock.now + Self.longestEnd) }
        _ = try transfer.wait { upload.cancel() }
        guard let answer = sink.answer else {
            throw TransportError(
                .tooLarge, at: transfer.place, "the answer is longer than \(bodyLimit) bytes")
        }
        return answer
    }
}

extension CurlTransfer {
    /// Does the request on this thread, and says how it ended to who waits for it.
    fileprivate func performAlone(userAgent: String) {
        if let refusal { return end(.failure(refusal)) }
        guard let handle = makeHandle(userAgent: userAgent) else {
            return end(.failure(TransportError(.connection, at: place, "no memory for a request")))
        }
        let code = handle.perform()
        end(result(code, handle))
    }
}
