// The command that makes a raw disk of an image which is not decoded.
// SPDX-License-Identifier: Apache-2.0

/// What to tell someone whose disk is in a format that is not read.
enum ConversionAdvice {
    /// The qemu-img command for the file called `name`; nil where qemu-img does not read the format.
    static func command(for format: UndecodedFormat, named name: String) -> String? {
        guard let formatName = format.nameForQEMU else { return nil }
        return "qemu-img convert -f \(formatName) -O raw \(quoted(name)) \(quoted(rawName(for: name)))"
    }

    /// The command that unpacks the file called `name`.
    static func unpacking(_ format: UndecodedFormat, named name: String) -> String? {
        switch format {
        case .xz: "xz --decompress --keep \(quoted(name))"
        case .zstd: "zstd --decompress \(quoted(name))"
        case .bzip2: "bzip2 --decompress --keep \(quoted(name))"
        case .zip: "unzip \(quoted(name))"
        default: nil
        }
    }

    /// `name` as one word of a shell's command that is no option.
    static func quoted(_ name: String) -> String {
        let safe = name.hasPrefix("-") ? "./" + name : name
        return "'" + safe.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''")
            + "'"
    }

    private static func rawName(for name: String) -> String {
        guard let dot = name.lastIndex(of: "."), dot > name.startIndex,
            !name[dot...].contains("/"), name[name.index(before: dot)] != "/"
        else { return name + ".raw" }
        return name[..<dot] + ".raw"
    }
}

extension UndecodedFormat {
    /// What qemu-img calls the format after `-f`: left to itself, it takes some for raw disks.
    fileprivate var nameForQEMU: String? {
        switch self {
        case .vmdkCOWD: "vmdk"
        case .vdi: "vdi"
        case .gzip, .xz, .zstd, .bzip2, .zip: nil
        }
    }
}
