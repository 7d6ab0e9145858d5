// The command that unpacks a file which is not read as it is.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// What to tell someone whose disk is in a file that is not unpacked here.
enum ConversionAdvice {
    /// The command that unpacks the file called `name`.
    static func unpacking(_ format: UndecodedFormat, named name: String) -> String {
        switch format {
        case .compressed(.zstd): "zstd --decompress \(quoted(name))"
        case .compressed(let format): "\(format.name) --decompress --keep \(quoted(name))"
        case .zip: "unzip \(quoted(name))"
        case .foreign(let format): format.command.replacing("%", with: quoted(name))
        case .vma: "\(decompressing(name))vma extract \(quoted(plain(name))) FOLDER"
        }
    }

    /// What to do where the qcow2 image `name` names the backing file by a path that is not followed; empty for other formats.
    static func rebasing(
        _ name: String, _ format: DiskFormat, onto path: [UInt8], _ content: ParentReference.Content
    ) -> String {
        guard format == .qcow2, let slash = path.lastIndex(of: UInt8(ascii: "/")) else { return "" }
        let own = Array(path[(slash + 1)...])
        guard let base = String(validating: own, as: UTF8.self), NeighbourName.problem(with: own) == nil
        else {
            return ""
        }
        let parentFormat =
            switch content {
            case .raw: "raw"
            case .family("vhd"): "vpc"
            case .family(let family): family
            case .recognised, .unstated: "FORMAT"
            }
        return
            "; where \(quoted(base)) beside it is that file, this says so, in their folder, and of an archive once it is "
            + "unpacked: qemu-img rebase -u -b \(quoted(base)) -F \(parentFormat) \(quoted(name))"
    }

    /// Programs by what the names of their files end with.
    private static let decompressors = [".zst": "zstd", ".gz": "gzip", ".xz": "xz", ".bz2": "bzip2"]

    /// The command that makes the plain file, with what goes on behind it; empty where `name` is that of a plain one.
    private static func decompressing(_ name: String) -> String {
        decompressors.first { name.hasSuffix($0.key) }.map {
            "\($0.value) --decompress --keep \(quoted(name)); "
        }
            ?? ""
    }

    private static func plain(_ name: String) -> String {
        decompressors.keys.first { name.hasSuffix($0) }.map { String(name.dropLast($0.count)) } ?? name
    }

    /// `name` as one word of a shell's command that is no option.
    static func quoted(_ name: String) -> String {
        let safe = name.hasPrefix("-") ? "./" + name : name
        return "'" + safe.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''")
            + "'"
    }
}
