// Requests over HTTP and HTTPS.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

/// Sends requests, for many threads at once. What is sent is what was asked for: no redirection is followed, nothing is
/// tried again but on a connection that turned out to be closed. Proxies and the store of authorities are curl's.
package final class HTTPTransport: HTTPExchanging {
    /// In seconds.
    private static let longestStop = 2.0

    private let loop: CurlLoop
    private let thread: WorkerThread
    let limits: TransportLimits
    let userAgent: String

    /// - Throws: `ReadError.system` where the system has no thread to give, or no memory.
    package init(limits: TransportLimits = TransportLimits(), userAgent: String = "ovafs") throws(ReadError) {
        let loop = try CurlLoop(userAgent: userAgent)
        self.loop = loop
        self.limits = limits
        self.userAgent = userAgent
        do throws(ReadError) {
            thread = try WorkerThread { loop.run() }
        } catch {
            loop.abandon()
            throw error
        }
    }

    deinit {
        loop.stop()
        thread.join(until: MonotonicClock.now + Self.longestStop)
    }

    /// Ends all that is under way but uploads with an error of kind `stopped`, and takes nothing more.
    package func stop() {
        loop.stop()
    }

    package func exchange(
        _ request: HTTPRequest, bodyLimit: Int, until deadline: Deadline
    ) throws(TransportError) -> HTTPAnswer {
        let sink = AnswerSink(bodyLimit: bodyLimit)
        _ = try perform(request, isForData: false, into: sink, until: deadline)
        guard let answer = sink.answer else {
            throw TransportError(
                .tooLarge, at: "\(request.address)", "the answer is longer than \(bodyLimit) bytes")
        }
        return answer
    }

    /// Sends `request` and hands what comes back to `sink`, on the transport's thread.
    func perform(
        _ request: HTTPRequest, isForData: Bool, into sink: any TransferSink, until deadline: Deadline
    ) throws(TransportError) -> TransferTimes {
        let transfer = CurlTransfer(
            request, isForData: isForData, into: sink, until: deadline, limits: limits)
        guard !deadline.hasPassed() else {
            throw TransportError(.deadline, at: transfer.place, "no time is left for a request")
        }
        loop.start(transfer)
        return try transfer.wait { loop.wake() }
    }
}

/// Sends requests whose answers are taken as they come; a type of its own, so that tests can answer by themselves.
protocol Transferring: Sendable {
    func perform(
        _ request: HTTPRequest, isForData: Bool, into sink: any TransferSink, until deadline: Deadline
    ) throws(TransportError) -> TransferTimes

    /// Another one with a thread of its own, for who takes its time over what comes.
    func separate() throws(ReadError) -> any Transferring
}

extension HTTPTransport: Transferring {
    func separate() throws(ReadError) -> any Transferring {
        try HTTPTransport(limits: limits, userAgent: userAgent)
    }
}
