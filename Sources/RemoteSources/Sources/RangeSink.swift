// Judges the head of an answer, and hands on the bytes of one that may be believed.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Glibc

/// Who takes bytes that were judged.
protocol RangeConsumer: AnyObject, Sendable {
    /// The bytes that follow are `range` of that version.
    func begin(_ range: Range<UInt64>, _ version: ObjectVersion)
    /// Takes bytes in their order.
    /// - Returns: False where it can use no more.
    func append(_ bytes: RawSpan) -> Bool
    var isUnwanted: Bool { get }
}

/// What is asked for, and how its answers are judged.
enum RangeQuestion: Sendable {
    /// Not empty.
    case range(Range<UInt64>)
    /// All, from a server that has no ranges; no more than so many bytes.
    case whole(byteLimit: UInt64)

    func verdict(
        status: Int, _ headers: HTTPHeaders, known: ObjectVersion?, isFirst: Bool
    ) -> RangeAnswer.Verdict {
        switch self {
        case .range(let asked):
            RangeAnswer(status: status, headers: headers, asked: asked, known: known, isFirst: isFirst)
                .verdict(at: Double(time(nil)))
        case .whole(let byteLimit):
            WholeAnswer(
                status: status, headers: headers, byteLimit: byteLimit, known: known, isFirst: isFirst
            ).verdict(at: Double(time(nil)))
        }
    }
}

/// The sink of a request for a range, or for all.
final class RangeSink: TransferSink {
    private struct State {
        var verdict: RangeAnswer.Verdict?
        var status = 0
        /// Bytes that still belong to the range of the answer.
        var remaining: UInt64 = 0
        var takenByteCount: UInt64 = 0
        /// Whether the end of the body is known by itself.
        var endsByItself = false
    }

    private let question: RangeQuestion
    private let known: ObjectVersion?
    private let isFirst: Bool
    private let consumer: any RangeConsumer
    private let state = SleepingMutex(State())

    init(
        for question: RangeQuestion, known: ObjectVersion?, isFirst: Bool, consumer: any RangeConsumer
    ) {
        self.question = question
        self.known = known
        self.isFirst = isFirst
        self.consumer = consumer
    }

    /// Nil where no head has come.
    var verdict: RangeAnswer.Verdict? { state.withLock { $0.verdict } }

    /// 0 where no head has come.
    var status: Int { state.withLock { $0.status } }

    /// Whether the server says that too much is asked of it.
    var isCrowded: Bool { state.withLock { $0.status == 429 || $0.status == 503 } }

    /// Whether all came that the head promised; for a transfer that ended without an error.
    var isComplete: Bool {
        state.withLock { state in
            guard case .bytes(_, let version) = state.verdict else { return false }
            return state.remaining == 0 || version.byteCount == ObjectVersion.unknownByteCount
        }
    }

    /// Bytes that were believed and handed on.
    var takenByteCount: UInt64 { state.withLock { $0.takenByteCount } }

    func begin(status: Int, headers: HTTPHeaders) -> BodyDecision {
        let verdict = question.verdict(status: status, headers, known: known, isFirst: isFirst)
        state.withLock { state in
            state.verdict = verdict
            state.status = status
            if case .bytes(let range, _) = verdict { state.remaining = range.upperBound - range.lowerBound }
            state.endsByItself =
                headers.first("content-length") != nil || headers.first("transfer-encoding") != nil
        }
        guard case .bytes(let range, let version) = verdict else { return .skip }
        consumer.begin(range, version)
        return .take
    }

    func append(_ bytes: RawSpan) -> Bool {
        let (count, isEnough) = state.withLock { state in
            if case .whole = question {
                // What follows on the length that is known is the consumer's to refuse.
                state.remaining -= min(state.remaining, UInt64(bytes.byteCount))
                state.takenByteCount += UInt64(bytes.byteCount)
                return (bytes.byteCount, false)
            }
            let count = Int(min(UInt64(bytes.byteCount), state.remaining))
            state.remaining -= UInt64(count)
            state.takenByteCount += UInt64(count)
            // What follows on the last byte of the range is not read.
            return (count, state.remaining == 0 && (!state.endsByItself || count < bytes.byteCount))
        }
        if count > 0, !consumer.append(bytes.extracting(0..<count)) { return false }
        return !isEnough
    }

    var isUnwanted: Bool { consumer.isUnwanted }
}
