// Certificates whose names can be compared.
// SPDX-License-Identifier: Apache-2.0

import SwiftASN1
import X509

extension Certificate {
    /// The certificate that `bytes` encode.
    ///
    /// The search for a chain compares and hashes the names of subjects and issuers as text, again and again.
    /// - Throws: where it cannot be read, and where a text in it is made to be slow to compare.
    init(comparable bytes: [UInt8]) throws {
        // Texts stand in the encoding as they are; what is no text around them has no marks.
        guard CombiningMarks.areFew(in: String(decoding: bytes, as: UTF8.self)) else {
            throw CertificateTextError()
        }
        try self.init(derEncoded: bytes)
    }
}

/// A certificate has text that is made to be slow to compare.
private struct CertificateTextError: Error, CustomStringConvertible {
    var description: String {
        "a character in it has more than \(CombiningMarks.maximumCount) combining marks"
    }
}
