// `ovafs verify`: is the package what its manifest says, and can its disks be read?
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ArgumentParser
import ByteSources
import DiskImages
import Glibc
import OVFPackage
import Synchronization
import SystemPackage

struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check the digests, the signature and, with --deep, the disks of a package.",
        discussion: """
            Exit code 0 only when all that the descriptor uses was checked and is right; 1 when a digest, the \
            signature or a disk is wrong, a file is not listed, or nothing was checked. What is questionable \
            though it can be read is listed with a code and does not change the exit code. 2 wrong usage or \
            certificates that cannot be read, 3 the source cannot be read.

            Example: ovafs verify --deep appliance.ova
            """)

    @OptionGroup
    var source: SourceArguments

    @Flag(help: "Decode every cluster of every disk, and of its snapshots.")
    var deep = false

    @Flag(help: "Print JSON.")
    var json = false

    @Option(
        help: ArgumentHelp(
            "Certificates to trust, as PEM: fail unless one of them stands behind the signature.",
            valueName: "file"), completion: .file())
    var trust: String?

    @Flag(help: "Do not fail for the lack of a manifest.")
    var noManifest = false

    @OptionGroup
    var threads: ThreadArguments

    func run() throws {
        let anchors = try trustAnchors()
        let appliance = try source.open(isConfined: true)
        let members = checkMembers(of: appliance)
        if let loss = members?.loss { throw lost(loss) }
        let image = try checkImage(of: appliance)
        let certificate = try checkCertificate(of: appliance, trusting: anchors)
        let disks = deep ? try appliance.disks.compactMap(checkDisk) : []
        var demands = VerificationReport.Demands()
        demands.trust = anchors != nil
        demands.acceptsNoManifest = noManifest
        let report = VerificationReport(
            of: appliance, members: members, certificate: certificate, image: image, disks: disks,
            demands: demands)
        try StandardOutput.write(
            json ? report.json() : Array(VerificationText(report, appliance, isDeep: deep).text.utf8))
        // Where both go to a terminal, the last line that was printed says it all.
        let isSeen = !json && isatty(1) == 1 && isatty(2) == 1
        guard let verdict = VerificationText.verdict(on: report, isDeep: deep, isSeen: isSeen) else { return }
        throw CommandFailure(status: .damaged, message: "\(source.shownSource): \(verdict)")
    }

    private func checkMembers(of appliance: Appliance) -> [PackageVerifier.MemberResult]? {
        let done = SharedCount()
        let bar = ProgressBar("digests", of: appliance.manifestByteCount) { done.value }
        return bar.show { appliance.checkManifest(threadCount: threads.count) { done.value = $0 } }
    }

    /// The digest that an image service has.
    private func checkImage(of appliance: Appliance) throws -> VerificationReport.Image? {
        let done = SharedCount()
        let bar = ProgressBar("image", of: appliance.imageDigestByteCount) { done.value }
        let result = bar.show { () -> Result<VerificationReport.Image?, ReadError> in
            Result { () throws(ReadError) in try appliance.checkImageDigest { done.value = $0 } }
        }
        do throws(ReadError) {
            return try result.get()
        } catch {
            throw lost(error)
        }
    }

    private func checkCertificate(
        of appliance: Appliance, trusting anchors: TrustAnchors?
    ) throws -> CertificateReport? {
        do throws(ReadError) {
            return try appliance.checkCertificate(trusting: anchors)
        } catch {
            throw lost(error)
        }
    }

    /// What is said of a source that is not there any more: that is no verdict.
    private func lost(_ error: ReadError) -> CommandFailure {
        CommandFailure(
            status: .cannotReadSource, message: "\(source.shownSource): \(error); not checked to the end")
    }

    /// - Throws: `CommandFailure` where the source is not there any more.
    private func checkDisk(_ disk: ApplianceDisk) throws -> VerificationReport.Disk? {
        var loss: ReadError?
        let result = VerificationReport.Disk(checking: disk) { check, name in
            guard loss == nil else { return ([], 0) }
            let bar = ProgressBar(name, of: check.byteCount) { check.progress }
            let found = bar.show { check.run(threadCount: threads.count) }
            loss = check.loss
            return found
        }
        if let loss { throw lost(loss) }
        return result
    }

    /// The certificates of `--trust`; nil without it.
    private func trustAnchors() throws -> TrustAnchors? {
        guard let trust else { return nil }
        let path = try RawArguments.path(trust)
        let anchors: TrustAnchors
        do throws(ReadError) {
            let file = try LocalFile(path: path)
            guard file.byteCount <= TrustAnchors.maximumByteCount else {
                throw .unsupported(
                    feature: "\(trust) is longer than \(TrustAnchors.maximumByteCount) bytes")
            }
            anchors = TrustAnchors(pem: try file.bytes(Int(file.byteCount), at: 0))
        } catch {
            throw CommandFailure(status: .wrongUsage, message: "--trust: \(error)")
        }
        for problem in anchors.problems { StandardError.write("warning: \(trust): \(problem)") }
        guard !anchors.isEmpty else {
            throw CommandFailure(
                status: .wrongUsage, message: "--trust: there is no certificate in \(trust), as PEM")
        }
        return anchors
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
