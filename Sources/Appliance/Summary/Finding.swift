// Something questionable, for programs and for people.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
import OVFPackage

/// What is questionable though it can be read; the codes are explained in docs/FINDINGS.md.
package struct Finding: Codable, Sendable, Equatable {
    /// Stable and short, such as `capacity-wrong`.
    package let code: String
    package let message: String
    /// The line of the descriptor or the manifest.
    package let line: Int?
    /// The disk that it is about, by its id.
    package let disk: String?
    /// What the user can ask for so that it is otherwise.
    package let remedy: Remedy?

    init(_ warning: PackageWarning, disk: String? = nil) {
        code = warning.code.rawValue
        message = warning.message
        line = warning.line
        remedy = warning.remedy
        self.disk = disk
    }

    /// One line for people.
    package var text: String {
        let place = line.map { " (line \($0))" } ?? ""
        return "\(disk.map { "disk \($0): " } ?? "")\(message)\(place) [\(code)]"
    }
}

extension Appliance {
    /// Everything that is questionable, the package first, then disk by disk.
    package var findings: [Finding] {
        Self.taking(arrivedOnly: isComing) { allFindings }
    }

    private var allFindings: [Finding] {
        // Thousands of disks may be one image, whose content is looked at once.
        var known: [ObjectIdentifier: [PackageWarning]] = [:]
        return warnings.map { Finding($0) }
            + disks.flatMap { disk in
                let notDecoded: [PackageWarning] =
                    if case .unreadable(let reason, let remedy) = disk.content {
                        [PackageWarning(.diskNotDecoded, "not decoded: \(reason)", remedy: remedy)]
                    } else {
                        []
                    }
                return (notDecoded + disk.warnings + disk.contentWarnings(&known) + disk.partWarnings).map {
                    Finding($0, disk: disk.identifier)
                }
            }
    }
}
