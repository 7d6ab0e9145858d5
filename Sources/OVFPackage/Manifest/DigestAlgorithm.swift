// The digests that manifests use.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// A digest of a manifest.
package enum DigestAlgorithm: String, Sendable, CaseIterable {
    case md5
    case sha1
    case sha256
    case sha384
    case sha512

    /// A name as manifests write it, case ignored; nil where it is not known.
    package init?(spelling: ArraySlice<UInt8>) {
        switch ASCIIWord(folding: spelling) {
        case "md5": self = .md5
        case "sha1", "sha-1": self = .sha1
        case "sha256", "sha-256", "sha2-256": self = .sha256
        case "sha384", "sha-384", "sha2-384": self = .sha384
        case "sha512", "sha-512", "sha2-512": self = .sha512
        default: return nil
        }
    }

    /// Length of the digest, in bytes.
    package var byteCount: Int {
        switch self {
        case .md5: 16
        case .sha1: 20
        case .sha256: 32
        case .sha384: 48
        case .sha512: 64
        }
    }
}
