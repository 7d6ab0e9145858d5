// The digests that manifests use.
// SPDX-License-Identifier: Apache-2.0

/// A digest of a manifest.
package enum DigestAlgorithm: String, Sendable, CaseIterable {
    case md5
    case sha1
    case sha256
    case sha384
    case sha512

    /// A name as manifests write it, case ignored; nil where it is not known.
    package init?(spelling: some StringProtocol) {
        switch spelling.uppercased() {
        case "MD5": self = .md5
        case "SHA1", "SHA-1": self = .sha1
        case "SHA256", "SHA-256", "SHA2-256": self = .sha256
        case "SHA384", "SHA-384", "SHA2-384": self = .sha384
        case "SHA512", "SHA-512", "SHA2-512": self = .sha512
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
