// The mark of a version of a remote object.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Crypto

enum RemoteVersionMark {
    /// Made of digests, so that it has no part of an address in it.
    static func mark(
        name: String, byteCount: UInt64, validator: ObjectVersion.Validator
    ) -> VersionMark {
        VersionMark(place: words(name), version: [byteCount] + words("\(validator)"))
    }

    private static func words(_ text: String) -> [UInt64] {
        let digest = Array(SHA256.hash(data: Array(text.utf8)))
        return stride(from: 0, to: digest.count, by: 8).map { start in
            digest[start..<min(start + 8, digest.count)].reduce(0) { $0 << 8 | UInt64($1) }
        }
    }
}
