// `ovafs verify`: is the package what its manifest says, and can its disks be read?
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ArgumentParser
import ByteSources
import DiskImages
import OVFPackage
import Synchronization
import SystemPackage

struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check the digests, the signature and, with --deep, the disks of a package.",
        discussion: """
            Exit code 0 when nothing is wrong, 1 when a digest, the signature or a disk is. What is questionable \
            though it can be read is listed with a code and does not change the exit code.
            """)

    @OptionGroup
    var source: SourceArguments

    @Flag(help: "Decode every cluster of every disk.")
    var deep = false

    @Flag(help: "Print JSON.")
    var json = false

    @Option(
        help: ArgumentHelp("Certificates to trust, as PEM, in place of the system's.", valueName: "file"),
        completion: .file())
    var trust: String?

    @OptionGroup
    var threads: ThreadArguments

    func run() throws {
        let appliance = try source.open()
        let members = checkMembers(of: appliance)
        let certificate = try checkCertificate(of: appliance)
        let disks = deep ? appliance.disks.compactMap(checkDisk) : []
        let report = VerificationReport(
            of: appliance, members: members, certificate: certificate, disks: disks)
        try StandardOutput.write(json ? report.json() : Array(VerificationText(report, appliance).text.utf8))
        guard report.isOK else {
            throw CommandFailure(status: .damaged, message: "\(source.source): something is wrong, see above")
        }
    }

    private func checkMembers(of appliance: Appliance) -> [PackageVerifier.MemberResult] {
        let done = SharedCount()
        let bar = ProgressBar("digests", of: appliance.manifestByteCount) { done.value }
        return bar.show { appliance.checkManifest(threadCount: threads.count) { done.value = $0 } } ?? []
    }

    private func checkDisk(_ disk: ApplianceDisk) -> VerificationReport.Disk? {
        guard case .decoded(let guest) = disk.content else { return nil }
        let check = DeepCheck(of: guest)
        let bar = ProgressBar(disk.rawFileName, of: guest.byteCount) { check.progress }
        let (damages, count) = bar.show { check.run(threadCount: threads.count) }
        return VerificationReport.Disk(id: disk.identifier, damages: damages, count: count)
    }

    private func checkCertificate(of appliance: Appliance) throws -> CertificateReport? {
        var anchors = CertificateReport.TrustAnchors.system
        if let trust {
            let path = try RawArguments.path(trust)
            do throws(ReadError) {
                let file = try LocalFile(path: path)
                anchors = .pem(
                    try file.bytes(Int(min(file.byteCount, CertificateFile.maximumByteCount)), at: 0))
            } catch {
                throw CommandFailure(status: .cannotReadSource, message: error.description)
            }
        }
        return appliance.checkCertificate(trusting: anchors)
    }
}

/// A number that several threads raise.
private final class SharedCount: Sendable {
    private let count = Atomic<UInt64>(0)

    var value: UInt64 {
        get { count.load(ordering: .relaxed) }
        set { count.store(newValue, ordering: .relaxed) }
    }
}
