// Which disks the user means.
// SPDX-License-Identifier: Apache-2.0

import Appliance

/// Finds disks by what the user calls them.
struct DiskChoice {
    let appliance: Appliance
    /// The SOURCE argument, for messages.
    let source: String

    /// The disks that `names` mean, each once; all where there are no names.
    /// - Throws: `CommandFailure` where a name means none or several, or there is no disk.
    func disks(named names: [String]) throws -> [ApplianceDisk] {
        guard !appliance.disks.isEmpty else {
            throw CommandFailure(status: .damaged, message: "\(source): there is no disk in it")
        }
        var chosen: [Int] = []
        var seen: Set<Int> = []
        for index in try names.isEmpty ? Array(appliance.disks.indices) : names.map(index)
        where seen.insert(index).inserted {
            chosen.append(index)
        }
        return chosen.map { appliance.disks[$0] }
    }

    private func index(of name: String) throws -> Int {
        let bytes = try RawArguments.bytes(name)
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
        throw CommandFailure(
            status: .wrongUsage,
            message: "\(source) has no disk '\(name)'; it has \(Self.list(appliance.disks.map(Self.names)))")
    }

    /// A disk's identifier, and its raw name where that is another one.
    private static func names(of disk: ApplianceDisk) -> String {
        disk.source == nil || disk.rawFileName == disk.identifier
            ? disk.identifier : "\(disk.identifier) (\(disk.rawFileName))"
    }

    /// The first of many names: the message stays one line that can be read.
    static func list(_ names: [String]) -> String {
        let most = 20
        return names.prefix(most).joined(separator: ", ") + (names.count > most ? " …" : "")
    }
}
