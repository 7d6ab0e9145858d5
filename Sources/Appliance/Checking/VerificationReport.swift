// What a verification found, as `ovafs verify --json` prints it.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages
package import OVFPackage

/// The result of `ovafs verify`; its JSON is described in docs/INFO.md.
package struct VerificationReport: Codable, Sendable {
    /// The version of this schema.
    package private(set) var version = 2
    /// Whether all that matters was checked and is right: there are no failures.
    package let isOK: Bool
    /// What makes the package wrong, or not checked; findings alone do not.
    package let failures: [VerificationFailure]
    /// One for each member; empty where there is no manifest.
    package let members: [Member]
    package let certificate: Certificate?
    /// Nil where no image service has a digest of the data.
    package let image: Image?
    /// One for each disk that was decoded whole; empty without `--deep`.
    package let disks: [Disk]
    package let findings: [Finding]

    package struct Member: Codable, Sendable {
        package let name: Name
        package let state: State
        /// What is wrong, the digests that are right, or what the file is.
        package let details: [String]

        package enum State: String, Codable, Sendable {
            case ok
            case bad
            case unlisted
            /// The manifest itself, and its certificate.
            case exempt
            case unreadable
        }
    }

    package struct Certificate: Codable, Sendable {
        /// valid, invalid, or why it could not be checked.
        package let signature: String
        /// valid, not-yet-valid, expired or unknown.
        package let validity: String
        /// How the signature was made, such as "SHA256 with RSA2048".
        package let algorithm: String?
        /// trusted, untrusted, or not-checked where nobody said whom to trust.
        package let trust: String
        package let isTrusted: Bool
        /// Why it is not trusted.
        package let trustProblem: String?
        package let subject: String?
        package let issuer: String?
        package let problems: [String]
        package let isOK: Bool
    }

    package struct Disk: Codable, Sendable {
        package let id: String
        /// As in the summary.
        package let format: String
        /// Whether all of it can be decoded, and all of its snapshots.
        package let isOK: Bool
        /// Of the disk as it is now.
        package let damages: [Damage]
        /// How many there are in all; `damages` lists at most 1,000.
        package let damageCount: Int
        /// The earlier states that the image keeps, in its order.
        package let snapshots: [Snapshot]

        /// Whether it is stored as the guest reads it, so that there is nothing to decode.
        package var isRaw: Bool { format == DiskFormat.raw.rawValue }
    }

    package struct Snapshot: Codable, Sendable {
        package let name: Name
        /// The path that `info` shows: names may be alike.
        package let path: Name
        package let isOK: Bool
        package let damages: [Damage]
        package let damageCount: Int
    }

    package struct Damage: Codable, Sendable {
        /// In bytes on the guest disk.
        package let guestOffset: UInt64
        package let size: UInt64
        /// Names the first damaged record and its place in the stored file, and how many there are besides.
        package let reason: String
    }

    /// What the one who asks for a verification insists on, and does without.
    package struct Demands: Sendable {
        /// Whether the signer has to be trusted.
        package var trust = false
        /// Whether a package without a manifest, or a disk image, is taken as it is.
        package var acceptsNoManifest = false

        package init() {}
    }

    /// `results` are those of `Appliance.checkManifest`; nil where there is no manifest that can be read.
    package init(
        of appliance: Appliance, members results: [PackageVerifier.MemberResult]?,
        certificate report: CertificateReport?, image: Image? = nil, disks: [Disk],
        demands: Demands = Demands()
    ) {
        self.image = image
        members = results?.map { Member($0, in: appliance) } ?? []
        certificate = report.map(Certificate.init)
        self.disks = disks
        findings = appliance.findings
        failures =
            VerificationFailure.ofImage(image)
            + VerificationFailure.ofManifest(
                of: appliance, results, demands,
                isCheckedOtherwise: !disks.isEmpty || image.map { $0.state != .unknown } ?? false)
            + VerificationFailure.ofSignature(report, over: appliance, results, demands)
            + VerificationFailure.ofDisks(appliance.disks, disks)
        isOK = failures.isEmpty
    }

    /// The report as JSON, with keys in order and a line end.
    package func json() -> [UInt8] {
        JSONText.encode(self)
    }
}

extension VerificationReport.Member {
    init(_ result: PackageVerifier.MemberResult, in appliance: Appliance) {
        name = Name(appliance.package?.members[result.memberIndex].path ?? [])
        switch result.outcome {
        case .ok(let algorithms):
            state = .ok
            details = algorithms.map(\.rawValue).sorted()
        case .bad(let mismatches):
            state = .bad
            details = mismatches.map(\.text)
        case .unlisted:
            state = .unlisted
            details = []
        case .exempt:
            state = .exempt
            let role = appliance.package?.role(amongMembers: [result.memberIndex])
            details = role.map { ["the package's \($0)"] } ?? []
        case .unreadable(let error):
            state = .unreadable
            details = [error.description]
        }
    }
}

extension VerificationReport.Certificate {
    init(_ report: CertificateReport) {
        switch report.signature {
        case .valid: signature = "valid"
        case .invalid: signature = "invalid"
        case .unsupported(let reason): signature = reason
        }
        validity = report.validity.rawValue
        algorithm = report.algorithm
        switch report.trust {
        case .trusted: (trust, isTrusted, trustProblem) = ("trusted", true, nil)
        case .untrusted(let reason): (trust, isTrusted, trustProblem) = ("untrusted", false, reason)
        case .notChecked: (trust, isTrusted, trustProblem) = ("not-checked", false, nil)
        }
        subject = report.signer?.subject
        issuer = report.signer?.issuer
        problems = report.problems
        isOK = report.problem == nil
    }
}

extension VerificationReport.Disk {
    /// The result of deep checks, of the disk and of its snapshots.
    package init(
        id: String, format: String, damages: [DeepCheck.Damage], count: Int,
        snapshots: [VerificationReport.Snapshot] = []
    ) {
        self.id = id
        self.format = format
        self.damages = damages.map(VerificationReport.Damage.init)
        damageCount = count
        self.snapshots = snapshots
        isOK = count == 0 && snapshots.allSatisfy(\.isOK)
    }

    /// What `run` gives for `disk` and for each of its snapshots, with a name for people; nil for a disk that is not
    /// decoded.
    package init?(
        checking disk: ApplianceDisk,
        run: (_ check: DeepCheck, _ name: String) -> (damages: [DeepCheck.Damage], count: Int)
    ) {
        guard case .decoded(let guest) = disk.content else { return nil }
        let (damages, count) = run(DeepCheck(of: guest), disk.rawFileName)
        let snapshots = (disk.snapshots?.snapshots ?? []).map { snapshot in
            let path = Name(((disk.snapshots?.folder ?? []) + [snapshot.fileName]).joinedBySlashes)
            let (damages, count) = run(DeepCheck(of: snapshot.disk), path.shown)
            return VerificationReport.Snapshot(
                name: Name(snapshot.name), path: path, isOK: count == 0,
                damages: damages.map(VerificationReport.Damage.init), damageCount: count)
        }
        self.init(
            id: disk.identifier, format: disk.formatName, damages: damages, count: count,
            snapshots: snapshots)
    }
}

extension VerificationReport.Damage {
    init(_ damage: DeepCheck.Damage) {
        self.init(
            guestOffset: damage.guestOffset, size: damage.byteCount, reason: damage.reason)
    }
}
