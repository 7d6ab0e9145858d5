// The formats that are known by their bytes and are not decoded here.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// What a file is, by its content, where that is no disk that is read: it is refused by its name instead of being taken
/// for a raw disk.
enum UndecodedFormat: Sendable, Equatable {
    case compressed(CompressionFormat)
    case zip
    /// A backup that Proxmox VE makes of a virtual machine, with all its disks.
    case vma
    /// An image or archive whose first bytes no disk begins with.
    case foreign(ForeignFormat)

    /// What users call it.
    var name: String {
        switch self {
        case .compressed(let format): format.name
        case .zip: "zip"
        case .vma: "VMA"
        case .foreign(let format): format.name
        }
    }

    /// The bytes at the start that tell it; `text` is enough of a file's start.
    init?(startingWith text: some Collection<UInt8>) {
        if let format = CompressionFormat(firstBytes: text) {
            self = .compressed(format)
        } else if text.starts(with: [0x50, 0x4b, 0x03, 0x04]) {
            self = .zip
        } else if text.starts(with: [0x56, 0x4d, 0x41, 0x00]) {
            self = .vma
        } else if let format = ForeignFormat.all.first(where: { text.starts(with: $0.magic) }) {
            self = .foreign(format)
        } else {
            return nil
        }
    }
}
