// What a HostResource of a hardware item means.
// SPDX-License-Identifier: Apache-2.0

/// The disks and files of an envelope, by the names that hardware items use.
struct HostResources {
    private var disks: [ByteString: Int] = [:]
    private var files: [ByteString: Int] = [:]
    /// oVirt names a disk by its file's reference.
    private var diskFiles: [ByteString: Int] = [:]

    init(_ envelope: Envelope) {
        for (index, disk) in envelope.disks.enumerated() {
            let id = ByteString(disk.id)
            if disks[id] == nil { disks[id] = index }
            if let file = disk.fileReference.map({ ByteString($0) }), diskFiles[file] == nil {
                diskFiles[file] = index
            }
        }
        for (index, file) in envelope.files.enumerated() {
            let id = ByteString(file.id)
            if files[id] == nil { files[id] = index }
        }
    }

    /// What is in the drive that `item` describes.
    func backing(
        of item: HardwareItem, _ kind: StorageLayout.Kind, _ log: inout WarningLog
    ) -> StorageLayout.Backing {
        var missing: String?
        for text in item.hostResources {
            if let found = lookUp(text) { return found }
            // CD drives name devices of the host that made the package.
            guard kind == .disk else { continue }
            let isPath = Self.split(text) != nil
            if isPath { missing = missing ?? text }
            log.add(
                isPath ? .hostResourceDangling : .hostResourceUnknown,
                "the host resource \"\(text)\" is no disk or file of the descriptor", line: item.line)
        }
        return missing.map { .missing($0) } ?? .empty
    }

    private func lookUp(_ text: String) -> StorageLayout.Backing? {
        if let (isDisk, name) = Self.split(text) {
            let id = ByteString(name)
            return isDisk ? disks[id].map { .disk($0) } : files[id].map { .file($0) }
        }
        // oVirt: bare ids, or disk id and file id with a slash between them.
        let whole = ByteString(text)
        let last = ByteString(text.lastPart)
        let disk =
            diskFiles[whole] ?? disks[whole] ?? disks[ByteString(text.firstPart)] ?? diskFiles[last]
            ?? disks[last]
        return disk.map { .disk($0) }
    }

    /// `^(ovf:)?/{1,2}(disk|file)/(.+)$`
    static func split(_ text: String) -> (isDisk: Bool, id: String)? {
        var rest = text[...]
        if rest.hasPrefix("ovf:") { rest = rest.dropFirst(4) }
        guard rest.hasPrefix("/") else { return nil }
        rest = rest.dropFirst()
        if rest.hasPrefix("/") { rest = rest.dropFirst() }
        let isDisk = rest.hasPrefix("disk/")
        guard isDisk || rest.hasPrefix("file/") else { return nil }
        rest = rest.dropFirst(5)
        return rest.isEmpty ? nil : (isDisk, String(rest))
    }
}

extension EnvelopeParser {
    /// Reports what the systems' drives say that does not fit, and disks that no drive has.
    mutating func checkHostResources() {
        var used: Set<Int> = []
        layouts = StorageLayout.layouts(of: envelope)
        for layout in layouts {
            for warning in layout.warnings { log.add(warning.code, warning.message, line: warning.line) }
            for drive in layout.drives {
                if case .disk(let index) = drive.backing { used.insert(index) }
            }
        }
        let parents = Set(envelope.disks.compactMap(\.parentIndex))
        for (index, disk) in envelope.disks.enumerated()
        where !used.contains(index) && !parents.contains(index) {
            log.add(.diskUnused, "no virtual system has the disk \"\(disk.id)\"", line: disk.line)
        }
    }
}
