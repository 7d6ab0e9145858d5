// Whether a key made a signature, with the algorithms that certificates of packages use.
// SPDX-License-Identifier: Apache-2.0

import X509

/// The check of one signature.
enum ManifestSignature {
    /// Whether `key` made `signature` over `bytes`, hashed with `digest`. The kind of key says the rest.
    static func isValid(
        _ signature: [UInt8], over bytes: [UInt8], _ digest: DigestAlgorithm, by key: Certificate.PublicKey
    ) -> Bool {
        algorithms(digest).contains {
            key.isValidSignature(signature, for: bytes, signatureAlgorithm: $0)
        }
    }

    /// Empty where signatures with that digest are not accepted.
    static func algorithms(_ digest: DigestAlgorithm) -> [Certificate.SignatureAlgorithm] {
        switch digest {
        // Anyone can make two texts with one MD5 digest.
        case .md5: []
        case .sha1: [.sha1WithRSAEncryption]
        case .sha256: [.sha256WithRSAEncryption, .ecdsaWithSHA256]
        case .sha384: [.sha384WithRSAEncryption, .ecdsaWithSHA384]
        case .sha512: [.sha512WithRSAEncryption, .ecdsaWithSHA512, .ed25519]
        }
    }
}
