// Descriptors.
// SPDX-License-Identifier: Apache-2.0

import OVFPackage

enum EnvelopeTarget {
    static func run(_ bytes: [UInt8]) {
        guard let parser = try? EnvelopeParser(parsing: bytes) else { return }
        let layouts = StorageLayout.layouts(of: parser.envelope)
        _ = RootDisk.rootDisks(of: parser.envelope, layouts) { $0.isMultiple(of: 2) }
    }
}
