// Names of files as other systems store them.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Text in UTF-16, and paths of other systems.
enum StoredName {
    /// The text in `bytes`, without the zeros at its end; nil where it is none, such as for a surrogate without its other half.
    static func text(utf16 bytes: some Collection<UInt8>, highestByteFirst: Bool) -> String? {
        guard bytes.count.isMultiple(of: 2) else { return nil }
        var units: [UInt16] = []
        units.reserveCapacity(bytes.count / 2)
        var iterator = bytes.makeIterator()
        while let first = iterator.next(), let second = iterator.next() {
            let (high, low) = highestByteFirst ? (first, second) : (second, first)
            units.append(UInt16(high) << 8 | UInt16(low))
        }
        while units.last == 0 { units.removeLast() }
        return String(validating: units, as: UTF16.self)
    }

    /// What follows the last separator of `path`, which may be of any system; nil where that is nothing.
    static func lastComponent(of path: some StringProtocol) -> [UInt8]? {
        let name = FileName.lastComponent(of: Array(path.utf8))
        return name.isEmpty ? nil : name
    }
}
