// One folder of a root whose folders come and go.
// SPDX-License-Identifier: Apache-2.0

/// What is known of a folder before anyone enters it.
package struct Folder: Sendable {
    /// Its inode number, at least `firstNumber`: never that of another folder, nor given anew once the folder has gone.
    package let number: UInt64
    /// Its name in the root, in bytes: no other folder has it.
    package let name: [UInt8]
    /// Another name, by which it is found and not listed; nil where it has none.
    package let hiddenName: [UInt8]?
    /// What stat(2) says of it, in bytes, and in seconds since 1970.
    package let byteCount: UInt64
    package let modificationTime: Int64
    /// Made when someone asks.
    package let extendedAttributes: @Sendable () -> [ExtendedAttribute]

    /// Lower numbers are for what else is in the root.
    package static let firstNumber: UInt64 = 1 << 8
    /// Numbers end here: higher ones are for what is in the folders.
    package static let numberLimit: UInt64 = 1 << 32

    package init(
        number: UInt64, name: [UInt8], hiddenName: [UInt8]? = nil, byteCount: UInt64 = 0,
        modificationTime: Int64 = 0,
        extendedAttributes: @escaping @Sendable () -> [ExtendedAttribute] = { [] }
    ) {
        self.number = number
        self.name = name
        self.hiddenName = hiddenName
        self.byteCount = byteCount
        self.modificationTime = modificationTime
        self.extendedAttributes = extendedAttributes
    }
}

/// All folders of a moment. It is replaced as a whole.
package struct FolderList: Sendable {
    /// In the order of their numbers, in which they came: whoever is half-way through misses none that stays, and meets none
    /// twice, whatever comes and goes.
    package let folders: [Folder]
    private let positions: [[UInt8]: Int]

    package init(_ folders: [Folder]) {
        let ordered = folders.sorted { $0.number < $1.number }
        self.folders = ordered
        var positions: [[UInt8]: Int] = [:]
        positions.reserveCapacity(2 * ordered.count)
        for (position, folder) in ordered.enumerated() { positions[folder.name] = position }
        for (position, folder) in ordered.enumerated() {
            guard let name = folder.hiddenName, positions[name] == nil else { continue }
            positions[name] = position
        }
        self.positions = positions
    }

    package func folder(named name: [UInt8]) -> Folder? {
        positions[name].map { folders[$0] }
    }

    package func folder(_ number: UInt64) -> Folder? {
        let position = firstPosition(from: number)
        guard position < folders.count, folders[position].number == number else { return nil }
        return folders[position]
    }

    /// The folders with this number and higher ones.
    package func folders(from number: UInt64) -> ArraySlice<Folder> {
        folders[firstPosition(from: number)...]
    }

    private func firstPosition(from number: UInt64) -> Int {
        var range = 0..<folders.count
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            range =
                folders[middle].number < number ? (middle + 1)..<range.upperBound : range.lowerBound..<middle
        }
        return range.lowerBound
    }
}
