// Walks from header to header of a tar archive.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The state of one scan.
struct TarScanner {
    /// A member before it has its place in the tree.
    struct Found {
        let path: [UInt8]
        let missingByteCount: UInt64
        let modificationTime: Int64
        let location: PackageMember.ArchiveLocation
        let source: any ByteSource
    }

    let source: any ByteSource
    /// The memory that opening the package may take.
    let budget: OpeningBudget
    var window: TarWindow
    var position: UInt64 = 0
    var found: [Found] = []
    var skipped: [SkippedMember] = []
    var dialects: Set<TarDialect> = []
    var log = WarningLog()
    var damage: ReadError?

    /// What headers said about the next member, and about all that follow.
    var next = PaxRecords()
    var global = PaxRecords()
    var longPath: [UInt8]?
    var longLinkPath: [UInt8]?
    /// Grows when a hard link asks, and when members are taken out of `found`, of which so many are known by it.
    private let names = MemberNames()
    private var namesKnownCount = 0
    private var headerCount = 0
    /// The pieces of all sparse members.
    var sparsePieceCount = 0
    /// Whether what follows was asked for ahead.
    var hasForeseen = false
    /// How members are taken from the descriptor that have not come; nil where the scan waits for them.
    var foresight: Foresight?
    /// The References that say enough for that, once they were read.
    var foreseeable: [FileReference]?
    var hasWaitedABit = false
    /// Whether the scan ended before the archive, which has not come.
    var isForeseen = false

    /// Most headers of any kind: a few extension headers belong to each member.
    private static let maximumHeaderCount = 4 * TarIndex.maximumMemberCount

    init(_ source: any ByteSource, budget: OpeningBudget, foresight: Foresight? = nil) {
        self.budget = budget
        self.source = source
        self.foresight = foresight
        window = TarWindow(over: source)
    }

    /// Scans to the end. Damage ends the scan and is kept.
    /// - Throws: `ReadError.system`, `.stale` and `.remote`, where reading itself fails.
    mutating func run() throws(ReadError) {
        do throws(ReadError) {
            repeat {
                foresee()
                if try foreseeMembers() { return }
            } while try step()
        } catch {
            switch error {
            case .system, .stale, .remote, .overBudget: throw error
            case .corrupt, .refused, .unsupported:
                damage = error
                log.add(.archiveDamaged, "the archive is read up to here only: \(error)")
            }
        }
    }

    /// Reads one header and what belongs to it; false at the end of the archive.
    mutating func step() throws(ReadError) -> Bool {
        guard let block = try window.block(at: position, named: "tar header") else {
            try endWithoutMark()
            return false
        }
        if block.bytes.allSatisfy({ $0 == 0 }) {
            try endAtMark()
            return false
        }
        headerCount += 1
        guard headerCount <= Self.maximumHeaderCount,
            found.count + skipped.count < TarIndex.maximumMemberCount
        else {
            throw block.corrupt(at: 0, "more than \(TarIndex.maximumMemberCount) members")
        }
        let header = try TarHeader(parsing: block)
        dialects.insert(header.dialect)
        switch header.type {
        case UInt8(ascii: "x"), UInt8(ascii: "X"), UInt8(ascii: "g"), UInt8(ascii: "L"), UInt8(ascii: "K"):
            try readExtension(header)
            return true
        default:
            return try readMember(header, block)
        }
    }

    private mutating func endWithoutMark() throws(ReadError) {
        if position < source.byteCount {
            throw .corrupt(
                record: "tar header", offset: position,
                reason: "the archive ends \(source.byteCount - position) bytes into a header")
        }
        log.add(.archiveEndMissing, "the archive ends at byte \(position) without its end mark")
    }

    private mutating func endAtMark() throws(ReadError) {
        let following = position + UInt64(TarHeader.blockByteCount)
        guard let block = try window.block(at: following, named: "tar header"),
            block.bytes.allSatisfy({ $0 == 0 })
        else {
            log.add(.archiveEndMissing, "the end mark at byte \(position) is one block of zeros and not two")
            return
        }
    }

    /// A header that describes the next member.
    private mutating func readExtension(_ header: TarHeader) throws(ReadError) {
        let dataOffset = position + UInt64(TarHeader.blockByteCount)
        let isPax = header.type != UInt8(ascii: "L") && header.type != UInt8(ascii: "K")
        // A long name ends with a NUL that is counted.
        let limit = isPax ? PaxRecords.maximumByteCount : UInt64(PaxRecords.maximumPathByteCount) + 1
        guard let byteCount = header.byteCount, byteCount <= limit else {
            throw .corrupt(
                record: "tar header", offset: position,
                reason: "an extended header is longer than \(limit) bytes, or its length is negative")
        }
        let record = try window.record("tar extended header", byteCount: Int(byteCount), at: dataOffset)
        switch header.type {
        case UInt8(ascii: "g"):
            try global.merge(record)
            // A sparse map belongs to one member.
            global.sparse = PaxRecords.Sparse()
        case UInt8(ascii: "L"): longPath = PaxRecords.longName(record)
        case UInt8(ascii: "K"): longLinkPath = PaxRecords.longName(record)
        default: try next.merge(record)
        }
        position = try end(ofData: byteCount, at: dataOffset)
    }

    /// What follows data of `byteCount` bytes, which is padded to a block.
    func end(ofData byteCount: UInt64, at dataOffset: UInt64) throws(ReadError) -> UInt64 {
        try dataOffset.adding(byteCount, in: "tar header", at: position)
            .roundedUp(
                toMultipleOf: UInt64(TarHeader.blockByteCount), in: "tar header", at: position)
    }

    /// The member that a hard link names: the latest earlier one of that name.
    mutating func target(of linkPath: [UInt8]) -> Found? {
        learnNames()
        return names.member(named: linkPath)
    }

    /// The members that were found since the last call: later hard links may name them all the same. What was skipped is
    /// forgotten.
    mutating func takeFound() -> [Found] {
        learnNames()
        defer {
            found = []
            skipped = []
            namesKnownCount = 0
        }
        return found
    }

    private mutating func learnNames() {
        names.learn(found[namesKnownCount...])
        namesKnownCount = found.count
    }
}
