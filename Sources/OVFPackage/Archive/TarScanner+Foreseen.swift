// Members that the descriptor says will come: docs/decisions/0107-members-that-are-foreseen.md.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

extension TarScanner {
    /// Files of the References that are foreseen at most; descriptors of packages that are read have a few.
    static let mostForeseenFiles = 4_096
    /// Longest href, and longest folder of a descriptor, in bytes.
    private static let longestHref = 1_024
    private static let longestFolder = 256
    /// What an archive has behind its last member, in bytes.
    private static let endMarkByteCount: UInt64 = 1_024

    /// Where the next header has not come and the bytes come in order: takes the members that are still to come from the
    /// References. What is in front of the first file, such as a manifest, has to have come.
    /// - Returns: Whether that ends the scan; else it goes on as always.
    mutating func foreseeMembers() throws(ReadError) -> Bool {
        guard let foresight, source.arrivesInOrder, isNextHeaderMissing, let descriptor = found.first,
            Self.hasSuffix(descriptor.path, ".ovf"), found.contains(where: { !Self.isRole($0.path) })
        else { return false }
        let references = foreseeable ?? self.references(of: descriptor)
        guard let references, files(toComeOf: references, besides: descriptor) != nil else {
            // What it says is not enough: the scan waits.
            self.foresight = nil
            return false
        }
        foreseeable = references
        // Once: what has come by then is all that there is.
        if !hasWaitedABit { try foresight.waitABit(for: source) }
        hasWaitedABit = true
        guard source.arrivesInOrder, isNextHeaderMissing,
            let files = files(toComeOf: references, besides: descriptor)
        else { return false }
        try take(files, timed: descriptor.modificationTime)
        return true
    }

    private var isNextHeaderMissing: Bool {
        guard next.isEmpty, longPath == nil, longLinkPath == nil, position <= source.byteCount,
            source.byteCount - position >= UInt64(TarHeader.blockByteCount)
        else { return false }
        return !source.isAtHand(position..<(position + UInt64(TarHeader.blockByteCount)))
    }

    /// The References, where they say enough of files and disks; nil else.
    private func references(of descriptor: Found) -> [FileReference]? {
        guard let envelope = envelope(of: descriptor), !envelope.files.isEmpty,
            envelope.files.count <= Self.mostForeseenFiles,
            envelope.files.allSatisfy({ $0.chunkByteCount == nil && $0.compression == .none }),
            // Of a disk that has not come nothing else is known.
            envelope.disks.allSatisfy({ disk in
                disk.parentReference == nil
                    && (disk.fileReference == nil
                        || disk.capacity.map { $0 > 0 && $0.isMultiple(of: 512) } ?? false)
            })
        else { return nil }
        return envelope.files
    }

    /// The files that are not found yet, with the places that they have one behind the other; nil where the References do not
    /// say enough of them, contradict what was found, or do not fit into the archive.
    private func files(
        toComeOf references: [FileReference], besides descriptor: Found
    ) -> [ForeseenFile]? {
        let folder = descriptor.path.prefix((descriptor.path.lastIndex(of: UInt8(ascii: "/")) ?? -1) + 1)
        guard folder.count <= Self.longestFolder else { return nil }
        var known: [ByteString: UInt64] = [:]
        for member in found {
            let path = ByteString(MemberPath(member.path).normalized)
            if known[path] == nil { known[path] = member.source.byteCount }
        }
        var files: [ForeseenFile] = []
        var names: Set<ByteString> = []
        var end = position
        var knownCount = 0
        for reference in references {
            let href = Array(reference.href.utf8.prefix(Self.longestHref + 1))
            let path = MemberPath(Array(folder) + href)
            guard Self.isPlain(href), path.isReferable else { return nil }
            let name = ByteString(path.normalized)
            guard names.insert(name).inserted else { return nil }
            if let byteCount = known[name] {
                guard byteCount == reference.byteCount ?? byteCount else { return nil }
                knownCount += 1
                continue
            }
            guard let byteCount = reference.byteCount,
                source.byteCount - end >= UInt64(TarHeader.blockByteCount),
                let next = try? self.end(ofData: byteCount, at: end + UInt64(TarHeader.blockByteCount)),
                next <= source.byteCount
            else { return nil }
            files.append(
                ForeseenFile(path: Array(folder) + href, byteCount: byteCount, headerOffset: end))
            end = next
        }
        return knownCount > 0 ? files : nil
    }

    /// Whether every program takes an href for one and the same name of a file that is content.
    private static func isPlain(_ href: [UInt8]) -> Bool {
        !href.isEmpty && href.count <= longestHref && !isRole(href) && href.last != UInt8(ascii: "/")
            && href.allSatisfy { (0x20..<0x7f).contains($0) && !"%:\\".utf8.contains($0) }
    }

    private static func isRole(_ path: [UInt8]) -> Bool {
        [".ovf", ".mf", ".cert"].contains { hasSuffix(path, $0) }
    }

    private mutating func take(_ files: [ForeseenFile], timed time: Int64) throws(ReadError) {
        var rest = self
        _ = rest.takeFound()
        rest.log = WarningLog()
        rest.foresight = nil
        rest.foreseeable = nil
        let coming = ComingMembers(files, continuing: rest)
        for (index, file) in files.enumerated() {
            try budget.takeMember(file.path)
            let source = ForeseenSource(
                file, number: index, of: coming, in: source)
            found.append(
                Found(
                    path: file.path, missingByteCount: 0, modificationTime: time,
                    location: PackageMember.ArchiveLocation(
                        headerOffset: file.headerOffset,
                        dataOffset: file.headerOffset + UInt64(TarHeader.blockByteCount),
                        storedByteCount: file.byteCount),
                    source: source))
        }
        isForeseen = true
        let end = try files.last.map { file throws(ReadError) in
            try self.end(
                ofData: file.byteCount, at: file.headerOffset + UInt64(TarHeader.blockByteCount))
        }
        noteEnd(at: end ?? position, files)
    }

    /// Says what cannot be in the tree.
    private mutating func noteEnd(at end: UInt64, _ files: [ForeseenFile]) {
        var text = "not all of the archive had come when it was opened"
        if let first = files.first {
            text += ": from \"\(String(displaying: first.path))\" on it is shown as its descriptor lists it"
        }
        let behind = source.byteCount - min(source.byteCount, end)
        if behind > Self.endMarkByteCount {
            let hasManifest = found.contains { Self.hasSuffix($0.path, ".mf") }
            text +=
                (files.isEmpty ? ": " : ", and ") + "what is in its last \(behind) bytes is not shown"
                + (hasManifest ? "" : ", a manifest, too")
        }
        log.add(.transferIncomplete, text)
    }
}

extension PaxRecords {
    /// Whether nothing was said that the next member has to be read by.
    fileprivate var isEmpty: Bool {
        path == nil && linkPath == nil && byteCount == nil && modificationTime == nil && !sparse.isPresent
    }
}
