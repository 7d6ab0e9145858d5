// Packages, part by part.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import OVFPackage

enum PackageTarget {
    static func run(_ bytes: [UInt8]) {
        guard let package = try? OVFPackage(archive: MemorySource(bytes)) else { return }
        TarTarget.read(package.members)
        if let descriptor = package.descriptor { _ = try? EnvelopeParser(reading: descriptor.source) }
        if let manifest = package.manifest { _ = try? Manifest(reading: manifest.source) }
        if let certificate = package.certificate { _ = try? CertificateFile(reading: certificate.source) }
        for member in package.members.prefix(64) { ImageTarget.read(member.source, lenient: false) }
    }
}
