// Checking an appliance against its manifest.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
package import OVFPackage

extension Appliance {
    /// Hashes every member that the manifest lists, and remembers what was found.
    ///
    /// - Returns: What became of each member, in their order; nil for what has no manifest.
    package func checkManifest(
        threadCount: Int, progress: @escaping @Sendable (_ bytesDone: UInt64) -> Void = { _ in }
    ) -> [PackageVerifier.MemberResult]? {
        guard let package, let checks else { return nil }
        let results = PackageVerifier(checks.map, of: package).run(
            threadCount: threadCount, progress: progress)
        for result in results { checks.note(result.outcome, ofMember: result.memberIndex) }
        return results
    }

    /// What a check of the manifest reads, in bytes.
    package var manifestByteCount: UInt64 {
        guard let package, let checks else { return 0 }
        return PackageVerifier(checks.map, of: package).byteCount
    }
}

extension Appliance {
    /// Checks the signature over the manifest; nil where there is no certificate, or no manifest.
    package func checkCertificate(trusting anchors: CertificateReport.TrustAnchors) -> CertificateReport? {
        guard let manifest = package?.manifest, let certificate = package?.certificate,
            manifest.byteCount <= Manifest.maximumByteCount
        else { return nil }
        // A certificate that cannot be read is reported like one that holds nothing.
        let file = (try? CertificateFile(reading: certificate.source)) ?? CertificateFile(parsing: [])
        guard let bytes = try? manifest.source.bytes(Int(manifest.byteCount), at: 0) else { return nil }
        return file.blockingReport(on: bytes, named: manifest.name, trusting: anchors)
    }
}
