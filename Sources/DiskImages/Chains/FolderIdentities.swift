// What the images of a folder are known by.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The identities of the images in one folder, of formats that store no name of a parent. The files are looked at once,
/// however many children look for their parents there. Any thread may use it.
package final class FolderIdentities: Sendable {
    /// Files that are looked at.
    private static let mostFiles = 1_000
    /// What an entry takes beside its name, in bytes.
    private static let entryByteCount: UInt64 = 256

    struct Entry: Sendable {
        let name: [UInt8]
        let identity: ImageIdentity
    }

    private struct Known {
        let entries: [Entry]
        /// Keeps what the entries take.
        let share: BudgetShare
    }

    private let known = SleepingMutex<Known?>(nil)

    package init() {}

    /// The images among `files`, in the order of their names.
    /// - Throws: `ReadError` where the folder cannot be listed, or there is no memory for the list.
    func entries(
        of files: any NeighbourFiles, budget: OpeningBudget
    ) throws(ReadError) -> [Entry] {
        if let known = known.withLock({ $0 }) { return known.entries }
        let share = BudgetShare(of: budget)
        var entries: [Entry] = []
        for name in try files.names(atMost: Self.mostFiles) where NeighbourName.problem(with: name) == nil {
            // A file that cannot be opened or read is no one's parent.
            guard let file = try? files.file(named: name),
                let identity = try? DiskImageOpener.identity(of: file.source)
            else { continue }
            try share.take(
                Self.entryByteCount + UInt64(name.count), for: "identities of the images beside \(file.name)")
            entries.append(Entry(name: name, identity: identity))
        }
        let found = entries
        known.withLock { $0 = Known(entries: found, share: share) }
        return found
    }
}
