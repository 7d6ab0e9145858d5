// One request of libcurl's and what comes back.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import CCurl
import Glibc
import Synchronization

/// A transfer from its request to its end.
// SAFETY: what is `var` is used by one thread only, between the start of the transfer and its end: the transport's, or that
// of an upload.
@safe final class CurlTransfer: @unchecked Sendable {
    /// So much of a body that no one wants is read away, in bytes.
    private static let longestSkip = 64 << 10

    let request: HTTPRequest
    /// What is sent while it is made; nil where the request has its body, or none.
    let upload: UploadBody?
    let isForData: Bool
    let sink: any TransferSink
    let deadline: Deadline
    let limits: TransportLimits
    private let outcome = Monitor<Result<TransferTimes, TransportError>?>(nil)
    private let wasCancelled = Atomic<Bool>(false)

    private var status = 0
    private var headers = HTTPHeaders()
    private var headByteCount = 0
    private var decision: BodyDecision?
    private var bodyByteCount: UInt64 = 0
    private var skippedByteCount = 0
    /// Why a callback ended the transfer; nil inside where it had come to its end.
    private var ending: Ending?
    /// Where libcurl writes why it failed.
    let message = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))

    private enum Ending {
        case enough
        case failure(TransportError)
    }

    init(
        _ request: HTTPRequest, sending upload: UploadBody? = nil, isForData: Bool,
        into sink: any TransferSink, until deadline: Deadline, limits: TransportLimits
    ) {
        self.request = request
        self.upload = upload
        self.isForData = isForData
        self.sink = sink
        self.deadline = deadline
        self.limits = limits
        unsafe message.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    }

    deinit {
        unsafe message.deallocate()
    }

    var place: String { "\(request.address)" }

    /// Waits for the end; `cancelling` wakes the thread that is to notice that no one waits any more.
    func wait(cancelling wake: () -> Void) throws(TransportError) -> TransferTimes {
        while true {
            let result = PatientRead.blocking {
                outcome.withLock(waitingWhile: { $0 == nil }, until: MonotonicClock.now + 0.25) { $0 }
            }
            if let result { return try result.get() }
            if (try? PatientRead.checkCancellation()) == nil {
                wasCancelled.store(true, ordering: .relaxed)
                wake()
                throw TransportError(.stopped, at: place, "no one waits for the answer any more")
            }
        }
    }

    func end(_ result: Result<TransferTimes, TransportError>) {
        outcome.withLock { $0 = result }
        outcome.wake()
    }

    var isUnwanted: Bool { wasCancelled.load(ordering: .relaxed) || sink.isUnwanted }

    /// Whether the transfer is to end, of which so many bytes were sent and received; looked at once a second.
    func isToEnd(movedByteCount: Int64) -> Bool {
        if isUnwanted { return true }
        guard let upload, upload.isSilent(movedByteCount: movedByteCount) else { return false }
        let seconds = Int(min(upload.silence, 1e6))
        _ = stop(.silence, "the server took and sent next to nothing for \(seconds) s")
        return true
    }

    /// The bytes to send next, none at the end; nil where they cannot be had, which ends the transfer.
    func takeToSend(upTo limit: Int) -> [UInt8]? {
        guard let upload, let bytes = upload.next(upTo: limit) else {
            _ = stop(.request, "what was to be sent could not be read")
            return nil
        }
        return bytes
    }

    /// Takes a line of the head, or of what follows on a body in chunks.
    /// - Returns: Whether the transfer goes on.
    func takeHeader(_ line: [UInt8]) -> Bool {
        headByteCount += line.count
        guard headByteCount <= limits.headByteCount else {
            return stop(.garbage, "the head of the answer is longer than \(limits.headByteCount) bytes")
        }
        // What follows on a body says nothing that counts.
        guard decision == nil else { return true }
        if line.starts(with: "HTTP/".utf8) {
            headers = HTTPHeaders()
            status = Self.status(of: line)
            guard status > 0 else { return stop(.garbage, "the answer has no status") }
            return true
        }
        guard line.allSatisfy({ $0 == 13 || $0 == 10 }) else {
            headers.append(line: line)
            return true
        }
        // Before the answer there may be others that only say that it will come.
        if status >= 200 { decision = sink.begin(status: status, headers: headers) }
        return true
    }

    /// Takes a part of the body.
    /// - Returns: Whether the transfer goes on.
    func takeBody(_ bytes: RawSpan) -> Bool {
        switch decision {
        case .take:
            bodyByteCount &+= UInt64(bytes.byteCount)
            guard !sink.append(bytes) else { return true }
            ending = .enough
            return false
        case .skip:
            skippedByteCount += bytes.byteCount
            guard skippedByteCount > Self.longestSkip else { return true }
            ending = .enough
            return false
        case nil:
            return stop(.garbage, "the answer has no head")
        }
    }

    /// How the transfer ended, by what libcurl says and by what the callbacks know.
    func result(_ code: CURLcode, _ handle: CurlHandle) -> Result<TransferTimes, TransportError> {
        if case .failure(let error) = ending { return .failure(error) }
        let isEnough = if case .enough = ending { true } else { false }
        guard code == CURLE_OK || isEnough else { return .failure(failure(code, handle)) }
        guard decision != nil else {
            return .failure(TransportError(.garbage, at: place, "the answer has no head"))
        }
        let first = handle.seconds(CURLINFO_STARTTRANSFER_TIME_T)
        return .success(
            TransferTimes(
                roundTrip: max(0, first - handle.seconds(CURLINFO_PRETRANSFER_TIME_T)),
                transfer: max(0, handle.seconds(CURLINFO_TOTAL_TIME_T) - first), byteCount: bodyByteCount))
    }

    private func stop(_ kind: TransportError.Kind, _ reason: String) -> Bool {
        ending = .failure(TransportError(kind, at: place, reason))
        return false
    }

    private func failure(_ code: CURLcode, _ handle: CurlHandle) -> TransportError {
        if isUnwanted { return TransportError(.stopped, at: place, "no one waits for the answer any more") }
        if code == CURLE_OPERATION_TIMEDOUT, deadline.hasPassed() {
            return TransportError(.deadline, at: place, "no whole answer within the time")
        }
        var reason =
            code == CURLE_OPERATION_TIMEDOUT ? "the server is silent or too slow" : reason(code)
        if code == CURLE_COULDNT_CONNECT, handle.number(CURLINFO_OS_ERRNO) == Int(EACCES) {
            reason += ": the sandbox, or a rule of this machine, forbids the port; see sandbox= in ovafs(1)"
        }
        return TransportError(CurlFailure.kind(of: code, saying: reason), at: place, reason)
    }

    /// What libcurl says, which may quote the server.
    private func reason(_ code: CURLcode) -> String {
        // SAFETY: libcurl ends its message with a NUL inside the buffer, which was zeros before.
        let detail = unsafe String(cString: message)
        let text = unsafe detail.isEmpty ? String(cString: curl_easy_strerror(code)) : detail
        return String(
            decoding: text.utf8.prefix(200).map { (0x20...0x7e).contains($0) ? $0 : UInt8(ascii: "?") },
            as: UTF8.self)
    }

    /// 0 where the line has none.
    private static func status(of line: [UInt8]) -> Int {
        let words = line.split(separator: 0x20, maxSplits: 2, omittingEmptySubsequences: true)
        guard words.count >= 2 else { return 0 }
        let digits = words[1].prefix { (0x30...0x39).contains($0) }
        guard digits.count == 3 else { return 0 }
        return Int(String(decoding: digits, as: UTF8.self)) ?? 0
    }
}
