// A verification for people: a line a member, then what is questionable, then the sum of it.
// SPDX-License-Identifier: Apache-2.0

import Appliance

struct VerificationText {
    private let report: VerificationReport
    private let appliance: Appliance
    private let isDeep: Bool

    init(_ report: VerificationReport, _ appliance: Appliance, isDeep: Bool) {
        self.isDeep = isDeep
        self.report = report
        self.appliance = appliance
    }

    var text: String {
        let lines =
            report.members.map(line) + [report.image.map(line)].compactMap(\.self)
            + (report.certificate.map(lines) ?? []) + report.disks.flatMap(lines)
            + report.findings.map { OptionWords.command.message("note        \($0.text)", $0.remedy) }
            + [sum]
        return lines.map { $0.onOneLine + "\n" }.joined()
    }

    /// A failure, with what can be asked for instead; the digests themselves stand in the line of their member.
    /// `isDeep` says whether the disks were to be decoded.
    static func words(
        for failure: VerificationFailure, in report: VerificationReport, isDeep: Bool
    ) -> String {
        switch failure.code {
        case .nothingChecked:
            let advice = isDeep ? "there is no disk to decode" : "--deep decodes the disks"
            return "\(failure.message); \(advice), --no-manifest accepts that there is none"
        case .digestWrong:
            let bad = report.members.filter { $0.state == .bad }
            let count = bad.count + report.members.filter { $0.state == .ok }.count
            let first = bad.first.map { " (\"\($0.name.shown)\"\(bad.count > 1 ? " …" : ""))" } ?? ""
            return "\(bad.count) of \(count) digests \(bad.count == 1 ? "is" : "are") wrong\(first)"
        default:
            return failure.message
        }
    }

    /// The line for standard error; nil where all is right. `isSeen` says whether what was printed stands above it.
    static func verdict(on report: VerificationReport, isDeep: Bool, isSeen: Bool) -> String? {
        guard let first = report.failures.first else { return nil }
        guard !isSeen else { return "not verified, see above" }
        let more = report.failures.count > 1 ? " (and \(report.failures.count - 1) more)" : ""
        return "not verified: \(words(for: first, in: report, isDeep: isDeep))\(more)"
    }

    private func line(_ member: VerificationReport.Member) -> String {
        let details = member.details.isEmpty ? "" : ": \(member.details.joined(separator: ", "))"
        return "\(Self.padded(member.state.rawValue))\(member.name.shown)\(details)"
    }

    private func line(_ image: VerificationReport.Image) -> String {
        switch image.state {
        case .ok: "\(Self.padded("ok"))the image's data: \(image.algorithm), as the service says"
        case .wrong:
            "\(Self.padded("bad"))the image's data: \(image.algorithm) is \(image.actual ?? ""), "
                + "the service says \(image.expected)"
        case .unknown:
            "\(Self.padded("note"))the image's data: not checked, the service's digest is of a kind that is not known, "
                + "\(image.algorithm)"
        }
    }

    private func lines(_ certificate: VerificationReport.Certificate) -> [String] {
        let algorithm = certificate.algorithm.map { " (\($0))" } ?? ""
        let first =
            "\(Self.padded(certificate.isOK ? "ok" : "bad"))signature: \(certificate.signature)\(algorithm), "
            + "certificate \(certificate.validity)"
        let signer = certificate.subject.map { "            signed by \($0), \(trust(certificate))" }
        return [first] + [signer].compactMap { $0 } + certificate.problems.map { "            \($0)" }
    }

    private func trust(_ certificate: VerificationReport.Certificate) -> String {
        switch certificate.trust {
        case "trusted": "trusted"
        case "untrusted": "not trusted: \(certificate.trustProblem ?? "")"
        default: "not checked"
        }
    }

    private func lines(_ disk: VerificationReport.Disk) -> [String] {
        lines(of: "disk \(disk.id)", disk.damages, count: disk.damageCount, isRaw: disk.isRaw)
            + disk.snapshots.flatMap {
                lines(
                    of: "snapshot \($0.path.shown) of disk \(disk.id)", $0.damages, count: $0.damageCount)
            }
    }

    private func lines(
        of disk: String, _ damages: [VerificationReport.Damage], count: Int, isRaw: Bool = false
    ) -> [String] {
        let sound =
            isRaw ? "can be read; raw, without a checksum: nothing to decode" : "every cluster decodes"
        guard count > 0 else { return ["\(Self.padded("ok"))\(disk): \(sound)"] }
        return ["\(Self.padded("bad"))\(disk): \(count) damaged place\(count == 1 ? "" : "s")"]
            + damages.map {
                "            guest bytes \($0.guestOffset) to \($0.guestOffset + $0.size - 1): \($0.reason)"
            }
    }

    /// The last line: what all of it comes to.
    private var sum: String {
        guard report.isOK else {
            return "NOT verified: "
                + report.failures.map { Self.words(for: $0, in: report, isDeep: isDeep) }.joined(
                    separator: "; ")
        }
        let checked = report.members.filter { $0.state == .ok }.count
        var parts: [String] = []
        if checked > 0 { parts.append("\(checked) digest\(checked == 1 ? "" : "s") right") }
        if report.image?.state == .ok { parts.append("the image's digest is right") }
        if let certificate = report.certificate {
            parts.append("signed by \(certificate.subject ?? "?"), \(trust(certificate))")
        }
        let raw = report.disks.filter(\.isRaw).count
        let decoded = report.disks.count - raw
        if decoded > 0 { parts.append("\(decoded) disk\(decoded == 1 ? "" : "s") decoded") }
        if raw > 0 { parts.append("\(raw) raw disk\(raw == 1 ? "" : "s") read") }
        if checked == 0, report.disks.isEmpty, report.image?.state != .ok {
            return "nothing was checked, as --no-manifest allows"
        }
        if checked == 0 { parts.append(appliance.package == nil ? "a disk image" : "no manifest") }
        let notes = report.findings.count
        return "verified: \((parts + ["\(notes) note\(notes == 1 ? "" : "s")"]).joined(separator: "; "))"
    }

    /// A word at the start of a line, filled up to the same width.
    private static func padded(_ word: String) -> String {
        word + String(repeating: " ", count: max(1, 12 - word.count))
    }
}
