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
        }
    }

    /// `name` as one word of a shell's command that is no option.
    static func quoted(_ name: String) -> String {
        let safe = name.hasPrefix("-") ? "./" + name : name
        return "'" + safe.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''")
            + "'"
    }
}
