// Manifests.
// SPDX-License-Identifier: Apache-2.0

import OVFPackage

enum ManifestTarget {
    static func run(_ bytes: [UInt8]) { _ = Manifest(parsing: bytes) }
}
