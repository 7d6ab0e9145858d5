// The certificates that a user trusts.
// SPDX-License-Identifier: Apache-2.0

import SwiftASN1
import X509

/// Certificates that a signer's chain may end at. There are none but those that a user names: that a web server's
/// certificate was issued properly says nothing about who may sign an appliance.
package struct TrustAnchors: Sendable {
    let certificates: [Certificate]
    /// What of the file could not be read, one line each.
    package let problems: [String]

    /// Longest file that is read, in bytes.
    package static let maximumByteCount: UInt64 = 64 << 20

    /// Every certificate of a PEM file.
    package init(pem bytes: [UInt8]) {
        var certificates: [Certificate] = []
        var problems: [String] = []
        for (number, block) in PEMBlock.split(bytes).blocks.enumerated() where block.isCertificate {
            do {
                certificates.append(try Certificate(derEncoded: block.contents()))
            } catch {
                problems.append("block \(number + 1) cannot be read as a certificate: \(error)")
            }
        }
        self.certificates = certificates
        self.problems = problems
    }

    /// Whether there is nothing that could be trusted.
    package var isEmpty: Bool { certificates.isEmpty }
}
