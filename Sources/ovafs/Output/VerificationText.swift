// A verification for people: a line a member, then what is questionable, then the sum of it.
// SPDX-License-Identifier: Apache-2.0

import Appliance

struct VerificationText {
    private let report: VerificationReport
    private let appliance: Appliance

    init(_ report: VerificationReport, _ appliance: Appliance) {
        self.report = report
        self.appliance = appliance
    }

    var text: String {
        let lines =
            report.members.map(line) + (report.certificate.map(lines) ?? []) + report.disks.flatMap(lines)
            + report.findings.map { OptionWords.command.message("note        \($0.text)", $0.remedy) } + [sum]
        return lines.map { $0.onOneLine + "\n" }.joined()
    }

    private func line(_ member: VerificationReport.Member) -> String {
        let details = member.details.isEmpty ? "" : ": \(member.details.joined(separator: ", "))"
        return "\(Self.padded(member.state.rawValue))\(member.name.shown)\(details)"
    }

    private func lines(_ certificate: VerificationReport.Certificate) -> [String] {
        let trust = certificate.isTrusted ? "trusted" : "not trusted: \(certificate.trustProblem ?? "")"
        let first =
            "\(Self.padded(certificate.isOK ? "ok" : "bad"))signature: \(certificate.signature), "
            + "certificate \(certificate.validity), \(trust)"
        return [first] + [certificate.subject.map { "            signed by \($0)" }].compactMap { $0 }
            + certificate.problems.map { "            \($0)" }
    }

    private func lines(_ disk: VerificationReport.Disk) -> [String] {
        guard !disk.isOK else { return ["\(Self.padded("ok"))disk \(disk.id): every cluster decodes"] }
        let damages = disk.damages.map {
            "            guest bytes \($0.guestOffset) to \($0.guestOffset + $0.size - 1): \($0.reason)"
        }
        let count = disk.damageCount
        return ["\(Self.padded("bad"))disk \(disk.id): \(count) damaged place\(count == 1 ? "" : "s")"]
            + damages
    }

    private var sum: String {
        let checked = report.members.filter { $0.state == .ok }.count
        let wrong = report.members.filter { $0.state == .bad || $0.state == .unreadable }.count
        let manifest =
            appliance.package == nil
            ? "a disk image has no manifest"
            : report.members.isEmpty ? "no manifest" : "\(checked) digests right, \(wrong) wrong"
        let damaged = report.disks.filter { !$0.isOK }.count
        let disks = report.disks.isEmpty ? "" : "; \(report.disks.count) disks decoded, \(damaged) damaged"
        return "\(report.isOK ? "OK" : "NOT OK"): \(manifest)\(disks); \(report.findings.count) notes"
    }

    /// A word at the start of a line, filled up to the same width.
    private static func padded(_ word: String) -> String {
        word + String(repeating: " ", count: max(1, 12 - word.count))
    }
}
