// Checking an appliance against its manifest.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
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
    /// Checks the signature over the manifest; nil where there is no certificate, or no manifest that can be read.
    /// Without `anchors`, whether the signer is trusted is not checked.
    /// - Throws: What the source was lost by: that is no verdict.
    package func checkCertificate(
        trusting anchors: TrustAnchors?
    ) throws(ReadError) -> CertificateReport? {
        guard let manifest = package?.manifest, let certificate = package?.certificate, let checks else {
            return nil
        }
        let file: CertificateFile
        let text: [UInt8]
        do throws(ReadError) {
            file = try CertificateFile(reading: certificate.source)
        } catch {
            guard !error.isLoss else { throw error }
            return .failed("the certificate cannot be read: \(error)", anchors)
        }
        do throws(ReadError) {
            text = try manifest.source.bytes(
                Int(min(manifest.byteCount, Manifest.maximumByteCount)), at: 0)
        } catch {
            guard !error.isLoss else { throw error }
            return .failed("the manifest cannot be read: \(error)", anchors)
        }
        // The signature has to be over the lines that the digests are compared with.
        guard checks.map.isMade(of: text) else {
            return .failed("the manifest was changed while it was checked", anchors)
        }
        return file.blockingReport(on: text, named: manifest.name, trusting: anchors)
    }
}
