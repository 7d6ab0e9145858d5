// The members that were foreseen, and the scan that finds out what is really there.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Goes on with the scan of an archive, header by header, as far as someone wants to read of what follows. No one waits under
/// its lock for bytes to come: who needs a header waits for it by a read of its own.
final class ComingMembers: Sendable {
    private struct State {
        /// Behind the last header that was read.
        var scanner: TarScanner
        /// What became of the files, by their numbers.
        var outcomes: [Int: Result<any ByteSource, ReadError>] = [:]
        /// Why no further member will be found.
        var ending: String?
    }

    /// Headers that a thread reads at once: one that may not wait, and one that others may wait for.
    private static let mostQuickSteps = 16
    private static let mostSteps = 256

    private let files: [ForeseenFile]
    private let numbers: [ByteString: Int]
    private let state: SleepingMutex<State>

    /// - Parameters:
    ///   - files: What is expected, each with another name.
    ///   - scanner: Where it is to be looked for.
    init(_ files: [ForeseenFile], continuing scanner: TarScanner) {
        self.files = files
        numbers = Dictionary(
            files.enumerated().map { (ByteString(MemberPath($1.path).normalized), $0) },
            uniquingKeysWith: { first, _ in first })
        state = SleepingMutex(State(scanner: scanner))
    }

    /// The bytes of the file with this number, once its header was there and was as foreseen.
    /// - Throws: `ReadError.corrupt` where it was not, or the archive ends without it; what reading throws while it has not
    ///   come.
    func source(of number: Int) throws(ReadError) -> any ByteSource {
        while true {
            switch try look(for: number) {
            case .done(let source): return source
            case .missing(let missing): try missing.wait()
            }
        }
    }

    private func look(for number: Int) throws(ReadError) -> ArrivedOnly.Outcome<any ByteSource> {
        while Patience.current == .waits {
            try PatientRead.checkCancellation()
            let found = try state.withLock { state throws(ReadError) in
                try look(for: number, &state, mostSteps: Self.mostSteps)
            }
            if let found { return found }
        }
        // Whoever has the lock may read from a disk.
        let found = try state.withLockIfAvailable { state throws(ReadError) in
            try look(for: number, &state, mostSteps: Self.mostQuickSteps)
        }
        guard let outcome = found ?? nil else { throw .wouldWait }
        return outcome
    }

    /// - Returns: Nil where more steps are needed.
    private func look(
        for number: Int, _ state: inout State, mostSteps: Int
    ) throws(ReadError) -> ArrivedOnly.Outcome<any ByteSource>? {
        for stepCount in 0...mostSteps {
            if let known = state.outcomes[number] { return .done(try known.get()) }
            if let ending = state.ending {
                throw contradiction(number, at: state.scanner.position, ending)
            }
            guard stepCount < mostSteps else { break }
            // A step that gives up leaves nothing behind.
            var scanner = state.scanner
            do throws(ReadError) {
                switch try ArrivedOnly.during({ () throws(ReadError) in try scanner.step() }) {
                case .missing(let missing): return .missing(missing)
                case .done(let goesOn): if !goesOn { state.ending = "the archive ends without it" }
                }
            } catch {
                switch error {
                case .system, .stale, .remote, .overBudget: throw error
                case .corrupt, .refused, .unsupported:
                    state.ending = "the archive cannot be read up to it: \(error)"
                    continue
                }
            }
            for member in scanner.takeFound() { take(member, &state) }
            state.scanner = scanner
        }
        return nil
    }

    /// The first member of a name is the one that is meant.
    private func take(_ member: TarScanner.Found, _ state: inout State) {
        guard let number = numbers[ByteString(MemberPath(member.path).normalized)],
            state.outcomes[number] == nil
        else { return }
        let (byteCount, overflow) = member.source.byteCount.addingReportingOverflow(member.missingByteCount)
        guard !overflow, byteCount == files[number].byteCount, member.missingByteCount == 0 else {
            state.outcomes[number] = .failure(
                contradiction(
                    number, at: member.location.headerOffset,
                    "it has \(member.source.byteCount) bytes, and the descriptor says \(files[number].byteCount)"
                ))
            return
        }
        state.outcomes[number] = .success(member.source)
    }

    private func contradiction(_ number: Int, at offset: UInt64, _ reason: String) -> ReadError {
        .corrupt(
            record: String(displaying: files[number].path), offset: offset,
            reason:
                "the archive is not as its descriptor says: \(reason); mount it again when all of it has come "
                + "(a cache folder keeps what came)")
    }
}

/// The bytes of a member that was foreseen. Whoever reads of it first has its header looked for.
final class ForeseenSource: ByteSource {
    let byteCount: UInt64
    private let number: Int
    private let coming: ComingMembers
    private let archive: any ByteSource
    private let name: String
    private let known = SleepingMutex<(any ByteSource)?>(nil)

    init(_ file: ForeseenFile, number: Int, of coming: ComingMembers, in archive: any ByteSource) {
        byteCount = file.byteCount
        name = String(displaying: file.path)
        self.number = number
        self.coming = coming
        self.archive = archive
    }

    /// What is really there.
    private func found() throws(ReadError) -> any ByteSource {
        if let source = known.withLock({ $0 }) { return source }
        let source = try coming.source(of: number)
        known.withLock { $0 = source }
        return source
    }

    /// The same where it can be known without waiting.
    private var foundSoFar: (any ByteSource)? {
        let outcome = try? ArrivedOnly.during { () throws(ReadError) in try found() }
        return if case .done(let source)? = outcome { source } else { nil }
    }

    func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
        try checkRange(count, at: offset, named: name)
        try found().read(count, at: offset, into: &output)
    }

    func gather(_ count: Int, at offset: UInt64, into list: GatherList) throws(ReadError) {
        try checkRange(count, at: offset, named: name)
        try found().gather(count, at: offset, into: list)
    }

    func firstOffset(of region: Region, in range: Range<UInt64>) throws(ReadError) -> UInt64? {
        try found().firstOffset(of: region, in: range)
    }

    func searchStep(for region: Region, in range: Range<UInt64>) throws(ReadError) -> RegionSearch {
        try found().searchStep(for: region, in: range)
    }

    func prepare(_ range: Range<UInt64>) {
        known.withLock { $0 }?.prepare(range)
    }

    func isAtHand(_ range: Range<UInt64>) -> Bool { foundSoFar?.isAtHand(range) ?? false }

    var arrivesInOrder: Bool { archive.arrivesInOrder }

    func keptBytes(_ count: Int, at offset: UInt64) -> [UInt8]? {
        foundSoFar?.keptBytes(count, at: offset)
    }

    func validate() throws(ReadError) {
        try archive.validate()
    }

    var isNear: Bool { archive.isNear }
}
