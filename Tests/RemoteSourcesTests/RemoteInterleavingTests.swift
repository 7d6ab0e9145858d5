// Tests of a source behind a server in many orders of its readers and carriers: one fetch, and nobody forgotten.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Synchronization
import TestSupport
import Testing

@testable import RemoteSources

@Suite("Readers and carriers of a remote source, in many orders")
struct RemoteInterleavingTests {
    /// Answers as a server would, without one; `script` may fail a request, or change the version that it answers with.
    private final class Answers: Transferring {
        typealias Script = @Sendable (_ number: Int) throws(TransportError) -> (tag: String, piece: Int)

        let ranges = SleepingMutex<[Range<UInt64>]>([])
        let script: Script

        init(_ script: @escaping Script) { self.script = script }

        func separate() throws(ReadError) -> any Transferring { self }

        func perform(
            _ request: HTTPRequest, isForData: Bool, into sink: any TransferSink, until deadline: Deadline
        ) throws(TransportError) -> TransferTimes {
            guard let text = request.headers.first(where: { $0.name == "Range" })?.value.dropFirst(6),
                let first = UInt64(text.prefix { $0 != "-" }),
                let last = UInt64(text.drop { $0 != "-" }.dropFirst())
            else { throw TransportError(.garbage, at: "test", "no range") }
            let range = first..<(last + 1)
            let number = ranges.withLock { ranges in
                ranges.append(range)
                return ranges.count
            }
            let (tag, piece) = try script(number)
            let headers = HTTPHeaders([
                ("etag", tag), ("content-length", "\(range.count)"),
                ("content-range", "bytes \(first)-\(last)/\(RemoteInterleavingTests.byteCount)"),
            ])
            guard case .take = sink.begin(status: 206, headers: headers) else {
                return TransferTimes(roundTrip: 0.001, transfer: 0, byteCount: 0)
            }
            var position = first
            while position < range.upperBound {
                let block = position / RemoteInterleavingTests.size
                let end = min(
                    range.upperBound, (block + 1) * RemoteInterleavingTests.size, position + UInt64(piece))
                let bytes = [UInt8](
                    repeating: UInt8(truncatingIfNeeded: block + 1), count: Int(end - position))
                // SAFETY: bytes have no padding.
                guard sink.append(unsafe bytes.span.bytes) else { break }
                position = end
            }
            return TransferTimes(roundTrip: 0.001, transfer: 0.1, byteCount: position - first)
        }
    }

    /// What the readers of a source have met.
    private final class Shared: Sendable {
        let answers: Answers
        let cache = BlockCache(byteLimit: 2 << 20)
        let source: HTTPRangeSource
        let problems = SleepingMutex<[String]>([])

        init(_ script: @escaping Answers.Script) throws {
            answers = Answers(script)
            var access = RemoteAccess(over: answers, cache: cache)
            access.timeoutInSeconds = 60
            let object = RemoteObject(try WebAddress("http://127.0.0.1:9/file"))
            let version = ObjectVersion(
                byteCount: RemoteInterleavingTests.byteCount, validator: .entityTag("\"1\""))
            source = HTTPRangeSource(
                RangeRequester(object, through: access), version: version, start: [], through: access)
        }

        func note(_ problem: String) { problems.withLock { $0.append(problem) } }

        /// Reads a few bytes of a block.
        func read(_ block: UInt64) throws(ReadError) {
            let offset = block * RemoteInterleavingTests.size + 5
            let bytes = try source.withoutReadAhead.bytes(16, at: offset)
            if bytes != Array(repeating: UInt8(block + 1), count: 16) {
                note("block \(block) has other bytes")
            }
        }

        func problemsAfterwards(mostRequests: Int) -> [String] {
            var found = problems.withLock { $0 }
            let ranges = answers.ranges.withLock { $0 }
            if ranges.count > mostRequests { found.append("\(ranges) were asked for") }
            let table = cache.table.withLock { $0 }
            for entry in table.objects.values.flatMap(\.entries.values) {
                if entry.pinCount != 0 || !entry.waiters.isEmpty { found.append("a block is used by no one") }
                if case .arriving = entry.state { found.append("a block is on its way for ever") }
            }
            return found
        }
    }

    private static let size = UInt64(BlockBuffer.byteCount)
    private static let byteCount = 4 * size

    private func explore(
        _ script: @escaping Answers.Script = { _ in ("\"1\"", Int(RemoteInterleavingTests.size)) },
        mostRequests: Int, _ threads: @escaping (Shared) -> [@Sendable () -> Void]
    ) -> Interleavings.Outcome {
        Interleavings.sample(100) {
            guard let shared = try? Shared(script) else {
                return Interleavings.Scenario([], problems: { ["no source"] })
            }
            return Interleavings.Scenario(
                threads(shared), problems: { shared.problemsAfterwards(mostRequests: mostRequests) })
        }
    }

    @Test("two who read one block have it fetched once, and a third one reads another")
    func once() {
        let outcome = explore(mostRequests: 2) { shared in
            ([0, 0, 2] as [UInt64]).map { block in
                { do { try shared.read(block) } catch { shared.note("\(error)") } }
            }
        }
        #expect(outcome.failure == nil && outcome.count >= 100)
    }

    @Test("a request that fails is made again, for all who wait")
    func failing() {
        let script: Answers.Script = { number throws(TransportError) in
            if number == 1 { throw TransportError(.silence, at: "test", "silent") }
            return ("\"1\"", Int(Self.size))
        }
        let outcome = explore(script, mostRequests: 3) { shared in
            ([0, 0] as [UInt64]).map { block in
                { do { try shared.read(block) } catch { shared.note("\(error)") } }
            }
        }
        #expect(outcome.failure == nil && outcome.count >= 100)
    }

    @Test("another version is told to everyone, whether it waits already or comes later")
    func stale() {
        let outcome = explore({ _ in ("\"2\"", Int(Self.size)) }, mostRequests: 4) { shared in
            ([0, 2] as [UInt64]).map { block in
                {
                    do throws(ReadError) {
                        try shared.read(block)
                        shared.note("bytes of another version were read")
                    } catch {
                        guard case .stale = error else { return shared.note("\(error)") }
                    }
                }
            }
        }
        #expect(outcome.failure == nil && outcome.count >= 100)
    }

    @Test("one who is called off is let go, and leaves the block to the other")
    func cancelled() {
        let outcome = explore(mostRequests: 2) { shared in
            let read = PatientRead(decodingIn: DecoderPlaces(1))
            return [
                {
                    read.perform {
                        do throws(ReadError) { try shared.read(1) } catch {
                            if error != .interrupted { shared.note("\(error)") }
                        }
                    }
                },
                {
                    Interleavings.turn()
                    read.cancel()
                },
                { do { try shared.read(1) } catch { shared.note("\(error)") } },
            ]
        }
        #expect(outcome.failure == nil && outcome.count >= 100)
    }
}
