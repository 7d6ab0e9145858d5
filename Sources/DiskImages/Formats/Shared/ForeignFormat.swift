// Images and archives that other programs read.
// SPDX-License-Identifier: Apache-2.0

/// A format that is told by its first bytes, and the program that makes a raw disk of it, or unpacks it.
struct ForeignFormat: Sendable, Equatable {
    let name: String
    let magic: [UInt8]
    /// The command, with `%` for the file's name in quotes.
    let command: String

    static let all = [
        ForeignFormat(name: "QED", magic: Array("QED\0".utf8), command: "qemu-img convert -O raw % disk.raw"),
        ForeignFormat(
            name: "Bochs", magic: Array("Bochs Virtual HD Image".utf8),
            command: "qemu-img convert -f bochs -O raw % disk.raw"),
        ForeignFormat(
            name: "EWF (E01)", magic: Array("EVF".utf8) + [0x09, 0x0d, 0x0a, 0xff, 0x00],
            command: "ewfexport %"),
        ForeignFormat(name: "7z", magic: [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c], command: "7z x %"),
        ForeignFormat(name: "RAR", magic: Array("Rar!".utf8) + [0x1a, 0x07], command: "unrar x %"),
        ForeignFormat(name: "LZ4", magic: [0x04, 0x22, 0x4d, 0x18], command: "lz4 -d %"),
        ForeignFormat(
            name: "lzip", magic: Array("LZIP".utf8) + [0x01], command: "lzip --decompress --keep %"),
        ForeignFormat(
            name: "WIM", magic: Array("MSWIM".utf8) + [0, 0, 0], command: "wimapply % FOLDER"),
    ]
}
