// The command that unpacks a file which is not read as it is.
// SPDX-License-Identifier: Apache-2.0

/// What to tell someone whose disk is in a file that is not unpacked here.
enum ConversionAdvice {
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
}
