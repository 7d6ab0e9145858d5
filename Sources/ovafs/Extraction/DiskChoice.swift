// Which disks, and which parts of them, the user means.
// SPDX-License-Identifier: Apache-2.0

import Appliance

/// Finds disks, partitions and snapshots by what the user calls them.
struct DiskChoice {
    let appliance: Appliance
    /// The SOURCE argument, for messages.
    let source: String

    /// Most names that a message lists.
    private static let mostNames = 20

    /// What `names` mean, each once; all disks where there are no names.
    /// - Throws: `CommandFailure` where a name means none or several, or there is no disk.
    func subjects(named names: [String]) throws -> [CopySubject] {
        guard !appliance.disks.isEmpty else {
            throw CommandFailure(status: .damaged, message: "\(source): there is no disk in it")
        }
        guard !names.isEmpty else { return appliance.disks.map { CopySubject($0) } }
        var chosen: [CopySubject] = []
        var seenDisks: Set<Int> = []
        var seenParts: Set<String> = []
        for name in names {
            let bytes = try RawArguments.bytes(name)
            if let index = try index(of: name, bytes) {
                if seenDisks.insert(index).inserted { chosen.append(CopySubject(appliance.disks[index])) }
                continue
            }
            let part = try part(name, bytes)
            if seenParts.insert(part.title).inserted { chosen.append(part) }
        }
        return chosen
    }

    /// The disk that `name` means; nil where it means none.
    /// - Throws: `CommandFailure` where it means several.
    func index(of name: String, _ bytes: [UInt8]) throws -> Int? {
        let found = appliance.disks.indices.filter { appliance.disks[$0].isCalled(bytes) }
        // An identifier goes before a file's name.
        let identified = found.filter { Array(appliance.disks[$0].identifier.utf8) == bytes }
        let copied = found.filter { appliance.disks[$0].copyName == bytes }
        for choice in [identified, copied, found] where choice.count == 1 { return choice[0] }
        guard found.isEmpty else {
            throw CommandFailure(
                status: .wrongUsage,
                message: "\(source) has \(found.count) disks '\(name)': "
                    + "\(Self.list(found.map { appliance.disks[$0].rawFileName })); name one of these")
        }
        return nil
    }

    private func part(_ name: String, _ bytes: [UInt8]) throws -> CopySubject {
        let found = appliance.parts(called: bytes)
        if found.count == 1 { return found[0] }
        guard found.isEmpty else {
            throw CommandFailure(
                status: .wrongUsage,
                message: "\(source) has \(found.count) partitions or snapshots '\(name)': "
                    + "\(Self.list(found.map(\.label))); name one of these")
        }
        if let problem = appliance.problem(ofPart: bytes) {
            throw CommandFailure(
                status: .damaged,
                message: OptionWords.copy.message(
                    "\(source): there is no '\(name)': \(problem.message)", problem.remedy))
        }
        let labels = appliance.partLabels(atMost: Self.mostNames + 1)
        let parts = labels.isEmpty ? "" : ", with the partitions and snapshots \(Self.list(labels))"
        throw CommandFailure(
            status: .wrongUsage,
            message:
                "\(source) has no disk '\(name)'; it has \(Self.list(appliance.disks.map(Self.names)))\(parts)"
        )
    }

    /// A disk's identifier, and its raw name where that is another one.
    private static func names(of disk: ApplianceDisk) -> String {
        disk.source == nil || disk.rawFileName == disk.identifier
            ? disk.identifier : "\(disk.identifier) (\(disk.rawFileName))"
    }

    /// The first of many names: the message stays one line that can be read.
    static func list(_ names: [String]) -> String {
        names.prefix(mostNames).joined(separator: ", ") + (names.count > mostNames ? " …" : "")
    }
}
