// Why a verification fails.
// SPDX-License-Identifier: Apache-2.0

package import OVFPackage
import Partitions

/// One thing that is wrong, or that nobody checked: a stable code for programs, a line for people.
///
/// What a verification is for decides: a package passes only where everything that its descriptor uses was compared
/// with something, so that a part that was left out, added or exchanged is noticed.
package struct VerificationFailure: Codable, Sendable, Equatable {
    package let code: Code
    package let message: String

    package enum Code: String, Codable, Sendable, CaseIterable {
        case nothingChecked = "nothing-checked"
        case descriptorUnusable = "descriptor-unusable"
        case manifestUnreadable = "manifest-unreadable"
        case archiveDamaged = "archive-damaged"
        case manifestEmpty = "manifest-empty"
        case digestWrong = "digest-wrong"
        case imageDigestWrong = "image-digest-wrong"
        case digestWeak = "digest-weak"
        case memberUnreadable = "member-unreadable"
        case fileUnlisted = "file-unlisted"
        case fileAbsent = "file-absent"
        case signatureMissing = "signature-missing"
        case signatureWrong = "signature-wrong"
        case signerUntrusted = "signer-untrusted"
        case diskNotDecoded = "disk-not-decoded"
        case diskDamaged = "disk-damaged"
    }

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// One failure for all of a kind: the first by name, and how many more.
    private init?(_ code: Code, _ messages: [String]) {
        guard let first = messages.first else { return nil }
        self.init(code, messages.count == 1 ? first : "\(first) (and \(messages.count - 1) more)")
    }
}

extension VerificationFailure {
    /// What is wrong with the digests, or keeps them from saying that the package is what was meant: an unusable
    /// descriptor does.
    ///
    /// `results` are those of `Appliance.checkManifest`; `isCheckedOtherwise`: whether disks were decoded, or the
    /// image's digest was right.
    package static func ofManifest(
        of appliance: Appliance, _ results: [PackageVerifier.MemberResult]?,
        _ demands: VerificationReport.Demands = VerificationReport.Demands(), isCheckedOtherwise: Bool = false
    ) -> [VerificationFailure] {
        ofDescriptor(of: appliance)
            + ofDigests(of: appliance, results, demands, isCheckedOtherwise: isCheckedOtherwise)
    }

    private static func ofDigests(
        of appliance: Appliance, _ results: [PackageVerifier.MemberResult]?,
        _ demands: VerificationReport.Demands, isCheckedOtherwise: Bool
    ) -> [VerificationFailure] {
        let absent = [
            VerificationFailure(.fileAbsent, appliance.scope.absentFiles),
            VerificationFailure(.archiveDamaged, archiveDamage(of: appliance.package)),
        ].compactMap { $0 }
        if let problem = appliance.scope.manifestProblem {
            return [VerificationFailure(.manifestUnreadable, "the manifest cannot be read: \(problem)")]
                + absent
        }
        guard let package = appliance.package, let results, let map = appliance.checks?.map else {
            guard !isCheckedOtherwise, !demands.acceptsNoManifest else { return absent }
            let reason = appliance.package == nil ? "a disk image has no manifest" : "there is no manifest"
            return [VerificationFailure(.nothingChecked, "nothing was checked: \(reason)")] + absent
        }
        func name(_ index: Int) -> String { "\"\(String(displaying: package.members[index].path))\"" }
        var wrong: [String] = []
        var unreadable: [String] = []
        var unlisted: [String] = []
        var weak: [String] = []
        for result in results {
            let index = result.memberIndex
            switch result.outcome {
            case .ok(let algorithms):
                if demands.trust, Set(algorithms).isSubset(of: [.md5, .sha1]) {
                    let names = algorithms.map { $0.rawValue.uppercased() }.sorted()
                    weak.append(
                        "\(name(index)) has no digest but \(names.joined(separator: " and ")), which can be forged"
                    )
                }
            case .bad(let mismatches):
                wrong.append("\(name(index)): \(mismatches.map(\.text).joined(separator: ", "))")
            case .unreadable(let error): unreadable.append("\(name(index)) cannot be read: \(error)")
            case .unlisted, .exempt:
                guard appliance.scope.usedMembers.contains(index) else { continue }
                let isDescriptor = index == package.descriptorIndex
                let use = appliance.envelope == nil ? "is a disk" : "the descriptor uses"
                let subject =
                    isDescriptor ? "the descriptor \(name(index))" : "\(name(index)), which \(use),"
                unlisted.append("\(subject) is not in the manifest")
            }
        }
        let nothing = map.entries.allSatisfy(\.isEmpty) ? ["the manifest lists nothing of the package"] : []
        return [
            VerificationFailure(.manifestEmpty, nothing), VerificationFailure(.digestWrong, wrong),
            VerificationFailure(.memberUnreadable, unreadable), VerificationFailure(.fileUnlisted, unlisted),
        ].compactMap { $0 } + absent + [VerificationFailure(.digestWeak, weak)].compactMap { $0 }
    }

    /// Where an archive cannot be read on, and what it ends too early for.
    private static func archiveDamage(of package: OVFPackage?) -> [String] {
        guard let package else { return [] }
        let damage = package.damage.map { ["the archive is damaged: \($0)"] } ?? []
        return damage
            + package.members.filter { $0.missingByteCount > 0 }.map {
                "the archive ends \($0.missingByteCount) bytes too early for \"\(String(displaying: $0.path))\""
            }
    }

    /// A descriptor that is missing or cannot be used, which `--lenient` lets pass where opening: nobody knows which
    /// files of the package count.
    private static func ofDescriptor(of appliance: Appliance) -> [VerificationFailure] {
        guard appliance.package != nil, appliance.envelope == nil else { return [] }
        return [
            VerificationFailure(
                .descriptorUnusable,
                "the descriptor cannot be used: which files the package needs is not known")
        ]
    }

    /// What is wrong with the signature, or kept from being trusted.
    static func ofSignature(
        _ report: CertificateReport?, over appliance: Appliance, _ results: [PackageVerifier.MemberResult]?,
        _ demands: VerificationReport.Demands
    ) -> [VerificationFailure] {
        if let refused = appliance.package?.refusedCertificate {
            return [
                VerificationFailure(.signatureWrong, "the signature cannot be checked: \(refused.problem)")
            ]
        }
        guard let report else {
            let hasCertificate = appliance.package?.certificate != nil
            guard demands.trust || hasCertificate else { return [] }
            let reason =
                appliance.package?.manifest == nil
                ? hasCertificate ? "the manifest that it would be over is missing" : "there is no manifest"
                : hasCertificate ? "the signature was not checked" : "there is no certificate"
            return [VerificationFailure(.signatureMissing, "nothing is signed: \(reason)")]
        }
        var failures: [VerificationFailure] = []
        if let problem = report.signatureProblem {
            failures.append(VerificationFailure(.signatureWrong, problem))
        }
        switch report.trust {
        case .untrusted(let reason):
            failures.append(VerificationFailure(.signerUntrusted, "the signer is not trusted: \(reason)"))
        case .notChecked where demands.trust:
            failures.append(VerificationFailure(.signerUntrusted, "no trusted certificate was given"))
        case .trusted, .notChecked: break
        }
        return failures
    }

    /// Partitions that go on behind the end of their disk: something is missing there, or the table is wrong.
    private static func partsBehindTheEnd(of disk: ApplianceDisk) -> [String] {
        (disk.partitions?.table.partitions ?? []).filter(\.isCutShort).map {
            "partition \($0.number) of disk \(disk.identifier) ends \($0.declaredByteCount - $0.byteCount) bytes "
                + "behind the end of the disk"
        }
    }

    /// The disks that cannot be read whole; `checked` are those that were decoded.
    static func ofDisks(
        _ disks: [ApplianceDisk], _ checked: [VerificationReport.Disk]
    ) -> [VerificationFailure] {
        let unreadable = disks.filter { $0.source == nil }.map { "disk \($0.identifier) is not decoded" }
        let cut = disks.filter { $0.leftOutByteCount > 0 }.map {
            "\($0.leftOutByteCount) stored bytes of disk \($0.identifier) were left out"
        }
        let damaged =
            checked.flatMap { disk in
                (disk.damageCount == 0 ? [] : ["disk \(disk.id) is damaged"])
                    + disk.snapshots.filter { !$0.isOK }.map {
                        "snapshot \($0.path.shown) of disk \(disk.id) is damaged"
                    }
            } + cut + (checked.isEmpty ? [] : disks.flatMap(partsBehindTheEnd))
        return [
            VerificationFailure(.diskNotDecoded, unreadable), VerificationFailure(.diskDamaged, damaged),
        ].compactMap { $0 }
    }
}

extension PackageVerifier.Mismatch {
    /// What the digest is and should be.
    var text: String { "\(algorithm.rawValue) is \(actual), the manifest says \(expected) (line \(line))" }
}

extension CertificateReport {
    /// What is wrong with the signature or the signer's certificate, whoever is trusted; nil where nothing is.
    fileprivate var signatureProblem: String? {
        switch (signature, validity) {
        case (.valid, .valid): nil
        case (.valid, .expired): "the signer's certificate has expired"
        case (.valid, .notYetValid): "the signer's certificate is not valid yet"
        case (.valid, .unknown): "the validity of the signer's certificate is not known"
        case (.invalid, _): "the signature is not of this manifest, or of another key"
        case (.unsupported(let reason), _): "the signature cannot be checked: \(reason)"
        }
    }

    /// What makes it no good; nil where the signature is valid and its signer not untrusted.
    var problem: String? {
        if case .untrusted(let reason) = trust { return signatureProblem ?? reason }
        return signatureProblem
    }
}
