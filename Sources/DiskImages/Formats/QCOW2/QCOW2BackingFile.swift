// What a qcow2 image says of its backing file.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The name of the backing file, from the header, and its format, from an extension of the header. Without the format,
/// what a guest wrote into a raw backing file would decide how it is read.
///
/// Spec: QEMU, docs/interop/qcow2, "Header extensions".
enum QCOW2BackingFile {
    private static let formatExtension: UInt32 = 0xe279_2aca
    /// Formats by the names that QEMU has for them.
    private static let families: [String: String] = [
        "qcow2": "qcow2", "qcow": "qcow", "vmdk": "vmdk", "vpc": "vhd", "vhdx": "vhdx", "vdi": "vdi",
        "parallels": "parallels", "cloop": "cloop",
    ]

    /// The parent of the image whose header, `headerByteCount` bytes long, starts with `record`; nil where it has none.
    /// - Throws: `ReadError.corrupt` where name or extensions are damaged, `ReadError.unsupported` for a format that is not
    ///   known.
    static func reference(
        _ record: OnDiskRecord, after headerByteCount: UInt64, _ clusterByteCount: UInt64,
        by reader: OpeningReader
    ) throws(ReadError) -> ParentReference? {
        guard let name = try record.backingName(after: headerByteCount, by: reader) else { return nil }
        let end = min(try record.bigEndian(UInt64.self, at: 8), clusterByteCount)
        let stated = try statedFormat(headerByteCount, end, by: reader)
        return ParentReference(names: [name], content: try content(stated, reader))
    }

    private static func content(
        _ stated: [UInt8], _ reader: OpeningReader
    ) throws(ReadError) -> ParentReference.Content {
        let name = String(decoding: stated, as: UTF8.self)
        if name.isEmpty { return .unstated }
        if name == "raw" { return .raw }
        guard let family = families[name] else {
            throw .unsupported(
                feature:
                    "\(reader.imageName) builds on a file in the format \(VMDKDescriptor.shown(name)), which is "
                    + "not known")
        }
        return .family(family)
    }

    /// The format that the extensions between bytes `start` and `end` of the file state; empty where they state none.
    private static func statedFormat(
        _ start: UInt64, _ end: UInt64, by reader: OpeningReader
    ) throws(ReadError) -> [UInt8] {
        var found: [UInt8]?
        var position = start
        // Each is 8 bytes or more, of at most a cluster's 2 MiB.
        while position < end, end - position >= 8 {
            let head = try reader.record("header extension", byteCount: 8, at: position)
            let type = try head.bigEndian(UInt32.self, at: 0)
            guard type != 0 else { break }
            let byteCount = UInt64(try head.bigEndian(UInt32.self, at: 4))
            guard byteCount <= end - position - 8 else {
                throw head.corrupt(
                    at: 4, "the extension has \(byteCount) bytes, and there is room for \(end - position - 8)"
                )
            }
            if type == formatExtension {
                guard byteCount <= 255 else {
                    throw head.corrupt(
                        at: 4, "the format of the backing file has a name of \(byteCount) bytes")
                }
                let format = try reader.record(
                    "format of the backing file", byteCount: Int(byteCount), at: position + 8
                ).bytes
                guard found == nil || found == format else {
                    throw head.corrupt(at: 0, "two extensions state different formats of the backing file")
                }
                found = format
            }
            position += 8 + (byteCount + 7) / 8 * 8
        }
        return found ?? []
    }
}
