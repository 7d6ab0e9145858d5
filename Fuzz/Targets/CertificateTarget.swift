// Certificates and signatures.
// SPDX-License-Identifier: Apache-2.0

import OVFPackage

enum CertificateTarget {
    static func run(_ bytes: [UInt8]) { _ = CertificateFile(parsing: bytes) }
}
