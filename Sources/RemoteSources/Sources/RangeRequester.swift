// One request for a range: its way through redirections and refusals to an answer that was judged.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Knows where an object was found last, and asks there.
final class RangeRequester: Sendable {
    enum Outcome: Equatable, Sendable {
        /// The answer was believed, and all that it promised came.
        case bytes
        case withoutRanges
        case stale(String)
        /// It will not do, however often it is tried.
        case refused(String)
        case failed(String, delay: Double?, isCrowded: Bool)
        /// No one is there; it is `failed` in all else.
        case unreachable(String)
        case stopped
    }

    private struct State {
        var address: WebAddress
        /// Where redirections ended; nil where there were none.
        var place: WebAddress?
    }

    let object: RemoteObject
    private let access: RemoteAccess
    private let state: SleepingMutex<State>
    /// Calls that renew something may take so long, in seconds.
    private var timeout: Double { access.timeoutInSeconds }

    init(_ object: RemoteObject, through access: RemoteAccess) {
        self.object = object
        self.access = access
        state = SleepingMutex(State(address: object.address, place: nil))
    }

    /// Where the bytes come from now; to be shown.
    var place: WebAddress {
        state.withLock { $0.place ?? $0.address }
    }

    /// Asks; `renewed` is called when credentials were made anew.
    func request(
        _ question: RangeQuestion, known: ObjectVersion?, isFirst: Bool, until deadline: Deadline,
        into consumer: any RangeConsumer, renewed: () -> BringingOutcome? = { nil }
    ) -> Outcome {
        var way = currentWay()
        // Each of these is done once for a request.
        var mayLookUpAnew = true
        var mayRenew = true
        while true {
            let sink = RangeSink(for: question, known: known, isFirst: isFirst, consumer: consumer)
            do throws(TransportError) {
                let request = try request(question, known: known, at: way, until: deadline)
                access.meter.noteRequest()
                let times = try access.transport.perform(
                    request, isForData: true, into: sink, until: deadline)
                access.meter.note(times)
                switch sink.verdict {
                case .denied(401): break
                case .denied, .gone, .never, .again:
                    if isFirst, let reason = object.meaning?(sink.status) { return .refused(reason) }
                default: break
                }
                switch sink.verdict {
                case .bytes:
                    keep(way)
                    return sink.isComplete
                        ? .bytes : failed("the answer ends before the range that it names", isCrowded: false)
                case .redirect(let location): try way.follow(location)
                case .denied(let status):
                    if mayLookUpAnew, try lookUpAnew(&way, until: deadline) {
                        mayLookUpAnew = false
                    } else if mayRenew, try object.credentials.renew(after: status, until: deadline) {
                        mayRenew = false
                        way = Redirection(from: state.withLock { $0.address })
                        switch renewed() {
                        case .stale(let reason): return .stale(reason)
                        case .failed(let reason, let delay, let isCrowded):
                            return .failed(reason, delay: delay, isCrowded: isCrowded)
                        default: break
                        }
                    } else {
                        let reason = isFirst ? object.meaning?(status) : nil
                        return .refused(reason ?? "the server answers \(status): access is denied")
                    }
                case .gone(let reason):
                    guard mayLookUpAnew, try lookUpAnew(&way, until: deadline) else {
                        return isFirst ? .refused(reason) : .stale(reason)
                    }
                    mayLookUpAnew = false
                case .withoutRanges: return .withoutRanges
                case .stale(let reason): return .stale(reason)
                case .never(let reason): return .refused(reason)
                case .again(let reason, let delay):
                    return .failed(reason, delay: delay, isCrowded: sink.isCrowded)
                case nil: return failed("the answer has no head", isCrowded: false)
                }
            } catch {
                if [.connection, .unreachable, .silence].contains(error.kind), sink.takenByteCount == 0,
                    mayLookUpAnew, way.isElsewhere, (try? lookUpAnew(&way, until: deadline)) == true
                {
                    mayLookUpAnew = false
                    continue
                }
                switch error.kind {
                case .stopped: return .stopped
                case .certificate, .redirection, .request, .refused: return .refused(error.reason)
                case .unreachable: return .unreachable(error.reason)
                default: return failed(error.reason, isCrowded: error.kind == .connection)
                }
            }
        }
    }

    private func failed(_ reason: String, isCrowded: Bool) -> Outcome {
        .failed(reason, delay: nil, isCrowded: isCrowded)
    }

    private func request(
        _ question: RangeQuestion, known: ObjectVersion?, at way: Redirection, until deadline: Deadline
    ) throws(TransportError) -> HTTPRequest {
        var headers = [HTTPHeader(checked: "Accept-Encoding", "identity")]
        if case .range(let range) = question {
            headers.append(
                HTTPHeader(checked: "Range", "bytes=\(range.lowerBound)-\(range.upperBound - 1)"))
            if case .entityTag(let tag) = known?.validator {
                headers.append(HTTPHeader(checked: "If-Range", tag))
            }
        }
        if way.maySendSecrets {
            headers += try object.credentials.headers(for: way.address.origin, until: deadline)
        }
        return HTTPRequest(
            .get, way.address, headers: headers, security: object.security,
            usesNetrc: object.usesNetrc && way.maySendSecrets)
    }

    private func currentWay() -> Redirection {
        state.withLock { state in
            state.place.map { Redirection(from: state.address, at: $0) } ?? Redirection(from: state.address)
        }
    }

    private func keep(_ way: Redirection) {
        state.withLock { state in
            guard state.address == way.start else { return }
            state.place = way.isElsewhere ? way.address : nil
        }
    }

    /// Forgets where redirections ended, and asks for the address where someone can tell.
    /// - Returns: Whether `way` is another one now.
    private func lookUpAnew(
        _ way: inout Redirection, until deadline: Deadline
    ) throws(TransportError) -> Bool {
        let before = way
        if let locate = object.locate {
            let address = try locate(deadline)
            state.withLock { $0.address = address }
        }
        state.withLock { $0.place = nil }
        way = currentWay()
        // A way that was gone just now, hop by hop, ends where it ended.
        return way.address != before.address && (before.hopCount == 0 || object.locate != nil)
    }
}
