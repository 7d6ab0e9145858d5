// What each kind of tar header makes of the bytes behind it.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

extension TarScanner {
    /// What eleven octal digits cannot say, in bytes; readers of plain ustar refuse it.
    private static let ustarByteCountLimit: UInt64 = 1 << 33

    /// Takes the member whose header is at `position`; false where the archive ends inside it.
    mutating func readMember(_ header: TarHeader, _ block: OnDiskRecord) throws(ReadError) -> Bool {
        defer {
            next = PaxRecords()
            longPath = nil
            longLinkPath = nil
        }
        let path = next.path ?? longPath ?? global.path ?? header.path
        let headerOffset = position
        let firstData = headerOffset + UInt64(TarHeader.blockByteCount)
        guard let stored = next.byteCount ?? global.byteCount ?? header.byteCount else {
            throw block.corrupt(at: 124, "the size is negative or larger than 2^63 bytes")
        }
        // A folder's size is a hint to the file system; folders show by what they hold.
        if header.type == UInt8(ascii: "5") {
            position = firstData
            return true
        }
        try budget.takeMember(path)
        if let name = next.sparse.name { try budget.takeMember(name) }
        switch header.type {
        case UInt8(ascii: "1"):
            return try readHardLink(header, path, stored)
        case UInt8(ascii: "2"): return skip(path, .symbolicLink, to: firstData)
        case UInt8(ascii: "3"): return skip(path, .characterDevice, to: firstData)
        case UInt8(ascii: "4"): return skip(path, .blockDevice, to: firstData)
        case UInt8(ascii: "6"): return skip(path, .fifo, to: firstData)
        case UInt8(ascii: "M"):
            return skip(path, .continuedVolume, to: try end(ofData: stored, at: firstData))
        case UInt8(ascii: "D"), UInt8(ascii: "N"), UInt8(ascii: "V"):
            return skip(path, .other, to: try end(ofData: stored, at: firstData))
        case UInt8(ascii: "S"):
            let (map, dataOffset) = try oldSparseMap(block)
            return try add(path, header, stored, at: dataOffset, from: dataOffset) { _ in map }
        case 0, UInt8(ascii: "0"), UInt8(ascii: "7"): break
        default:
            log.add(
                .memberUnknownType,
                "\"\(String(displaying: path))\" at byte \(headerOffset) is of the unknown type "
                    + "\(String(displaying: [header.type])): shown as a file")
        }
        if header.type == 0, header.dialect == .v7, path.last == UInt8(ascii: "/") {
            position = firstData
            return true
        }
        return try addFile(path, header, stored, at: firstData)
    }

    /// A file, or one of the sparse forms that pax keywords describe.
    private mutating func addFile(
        _ path: [UInt8], _ header: TarHeader, _ stored: UInt64, at dataOffset: UInt64
    ) throws(ReadError) -> Bool {
        let sparse = next.sparse
        guard sparse.isPresent else {
            return try add(path, header, stored, at: dataOffset, from: dataOffset, sparse: nil)
        }
        let name = sparse.name ?? path
        guard let byteCount = sparse.realByteCount else {
            throw .corrupt(
                record: "tar extended header", offset: position, reason: "a sparse file without its length")
        }
        guard sparse.major != nil else {
            return try add(name, header, stored, at: dataOffset, from: dataOffset) {
                offset throws(ReadError) in
                try SparseMap(sparse.map, byteCount: byteCount, in: "tar sparse map", at: offset)
            }
        }
        guard sparse.major == 1, sparse.minor ?? 0 == 0 else {
            throw .unsupported(
                feature: "sparse files of version \(sparse.major ?? 0).\(sparse.minor ?? 0) in a tar")
        }
        let (numbers, mapByteCount) = try sparseNumbers(at: dataOffset, stored: stored)
        return try add(name, header, stored, at: dataOffset, from: dataOffset + mapByteCount) {
            offset throws(ReadError) in
            try SparseMap(numbers, byteCount: byteCount, in: "tar sparse map", at: offset)
        }
    }

    /// Adds a member whose `stored` bytes start at `dataOffset`; its content starts at `contentOffset`.
    private mutating func add(
        _ path: [UInt8], _ header: TarHeader, _ stored: UInt64, at dataOffset: UInt64,
        from contentOffset: UInt64,
        sparse makeMap: ((UInt64) throws(ReadError) -> SparseMap)?
    ) throws(ReadError) -> Bool {
        let headerOffset = position
        let content = stored - min(stored, contentOffset - dataOffset)
        let available = min(content, source.byteCount - min(source.byteCount, contentOffset))
        let name = String(displaying: path)
        let part = try SubrangeSource(
            of: source, from: min(contentOffset, source.byteCount), byteCount: available, named: name)
        var bytes: any ByteSource = part
        var missing = content - available
        if let makeMap {
            let map: SparseMap
            do throws(ReadError) {
                map = try makeMap(headerOffset)
                guard map.storedByteCount == content else {
                    throw .corrupt(
                        record: "tar sparse map", offset: headerOffset,
                        reason: "the pieces hold \(map.storedByteCount) bytes, and \(content) are stored")
                }
                guard map.pieces.count <= SparseMap.maximumTotalPieceCount - sparsePieceCount else {
                    throw .unsupported(
                        feature:
                            "sparse files of more than \(SparseMap.maximumTotalPieceCount) pieces in all")
                }
                try budget.take(
                    UInt64(map.pieces.count), times: UInt64(MemoryLayout<SparseMap.Piece>.stride),
                    for: "the sparse map of \"\(name)\"")
                sparsePieceCount += map.pieces.count
            } catch {
                if case .overBudget = error { throw error }
                log.add(.memberSkipped, "\"\(name)\" is not shown: \(error)")
                return skip(
                    path, .damagedSparseMap, to: try end(ofData: stored, at: dataOffset), isLogged: true)
            }
            let visible = map.cut(toStored: available)
            missing = map.byteCount - visible.byteCount
            bytes = SparseMemberSource(map: visible, stored: part, name: name)
        }
        found.append(
            Found(
                path: path, missingByteCount: missing,
                modificationTime: next.modificationTime ?? global.modificationTime ?? header.modificationTime,
                location: PackageMember.ArchiveLocation(
                    headerOffset: headerOffset, dataOffset: contentOffset, storedByteCount: content),
                source: bytes))
        if stored >= Self.ustarByteCountLimit {
            log.add(.memberOverUstarLimit, "\"\(name)\" is larger than the 8 GiB that plain ustar can say")
        }
        guard available == content else {
            log.add(.memberCutShort, "the archive ends inside \"\(name)\": \(missing) bytes are missing")
            return false
        }
        position = try end(ofData: stored, at: dataOffset)
        return true
    }

    private mutating func readHardLink(
        _ header: TarHeader, _ path: [UInt8], _ stored: UInt64
    ) throws(ReadError) -> Bool {
        let headerOffset = position
        let firstData = headerOffset + UInt64(TarHeader.blockByteCount)
        let linkPath = next.linkPath ?? longLinkPath ?? global.linkPath ?? header.linkPath
        // Nothing of it is kept, and it is looked up: one long name for all links would cost their number times it.
        try budget.take(
            MemberCost.byteCount(ofPath: linkPath),
            for: "the target of the hard link \"\(String(displaying: path))\"")
        // Some programs give a link the size of its file and no data: then a header follows at once.
        var hasData = false
        if stored > 0 {
            let following = try window.block(at: firstData, named: "tar header")
            let isHeader = following.map { TarHeader.hasValidChecksum($0.bytes[...]) } ?? true
            let isEnd = following.map { $0.bytes.allSatisfy { $0 == 0 } } ?? true
            hasData = !isHeader && !isEnd
        }
        guard let target = target(of: linkPath) else {
            let next = hasData ? try end(ofData: stored, at: firstData) : firstData
            return skip(path, .hardLinkWithoutTarget, to: next)
        }
        found.append(
            Found(
                path: path, missingByteCount: target.missingByteCount,
                modificationTime: next.modificationTime ?? header.modificationTime,
                location: target.location, source: target.source))
        position = hasData ? try end(ofData: stored, at: firstData) : firstData
        return true
    }

    private mutating func skip(
        _ path: [UInt8], _ kind: SkippedMember.Kind, to following: UInt64, isLogged: Bool = false
    ) -> Bool {
        skipped.append(SkippedMember(path: path, kind: kind, headerOffset: position))
        if !isLogged {
            log.add(
                .memberSkipped,
                "\"\(String(displaying: path))\" at byte \(position) is not shown: \(kind.rawValue)")
        }
        position = following
        guard position <= source.byteCount else {
            log.add(.memberCutShort, "the archive ends inside \"\(String(displaying: path))\"")
            return false
        }
        return true
    }
}
