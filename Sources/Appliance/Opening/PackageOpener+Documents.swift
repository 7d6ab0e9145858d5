// Reading a package's descriptor and its manifest.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import OVFPackage

extension PackageOpener {
    mutating func parseDescriptor() throws(ApplianceError) -> (Envelope, [StorageLayout]) {
        guard let descriptor = package.descriptor else {
            let damage = package.damage.map { " (the archive is damaged: \($0))" } ?? ""
            throw ApplianceError(
                .damaged, "no descriptor, *.ovf, is in the package\(damage)", remedy: .lenient)
        }
        do throws(DescriptorError) {
            let parser = try EnvelopeParser(reading: descriptor.source, budget: resources.budget)
            warnings += parser.warnings
            return (parser.envelope, parser.layouts)
        } catch {
            let kind = error.cause.map { ApplianceError($0).kind } ?? .damaged
            throw ApplianceError(
                kind, "\(String(displaying: descriptor.path)): \(error)",
                remedy: error.remedy ?? (kind == .damaged ? .lenient : nil))
        }
    }

    /// What the manifest lists; nil where there is none, or with a `problem` none that can be read.
    mutating func manifestChecks(problem: inout String?) -> ManifestChecks? {
        guard let member = package.manifest else {
            guard let refused = package.refusedManifest else { return nil }
            problem = refused.problem
            warnings.append(
                PackageWarning(
                    .manifestUnreadable, "the manifest cannot be read: \(refused.problem)",
                    remedy: refused.remedy))
            return nil
        }
        do throws(ReadError) {
            let map = ManifestMap(
                try Manifest(reading: member.source, budget: resources.budget), of: package)
            warnings += map.warnings
            return ManifestChecks(map)
        } catch {
            problem = "\(error)"
            warnings.append(PackageWarning(.manifestUnreadable, "the manifest cannot be read: \(error)"))
            return nil
        }
    }
}
