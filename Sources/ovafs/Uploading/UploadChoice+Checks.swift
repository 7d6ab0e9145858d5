// Whether a file as it is may become an image, and what is to be said of it.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ByteSources
import OVFPackage
import RemoteSources
import Synchronization

extension UploadChoice {
    /// A file as it is that lacks its end is no image, unless the user takes it for one.
    func checkEnd(of disk: ApplianceDisk) throws {
        guard !isLenient, let missing = disk.missingEnd else { return }
        throw CommandFailure(
            status: .damaged,
            message: OptionWords.copy.message(
                "\(source): disk \(disk.identifier): \(missing.message)", .lenient))
    }

    var archiveNotes: [String] {
        (appliance.package?.warnings ?? []).filter { $0.code == .archiveEndMissing }.map(\.message)
    }

    /// A package that was cut short, or is not what its manifest says, is no image. One without a manifest may be. Files that
    /// are absent, or in no manifest, the user may let pass.
    /// - Returns: Notes about these.
    func checkMembers() throws -> [String] {
        let done = Atomic<UInt64>(0)
        let bar = ProgressBar("digests", of: appliance.manifestByteCount) { done.load(ordering: .relaxed) }
        let results = bar.show {
            appliance.checkManifest(threadCount: ProcessorCount.current) {
                done.store($0, ordering: .relaxed)
            }
        }
        if let loss = results?.loss {
            throw CommandFailure(upload: OpenStackError(.unreadable(loss), "\(loss)"), of: source)
        }
        var demands = VerificationReport.Demands()
        demands.acceptsNoManifest = true
        let failures = VerificationFailure.ofManifest(of: appliance, results, demands)
        let passable: [VerificationFailure.Code] = [
            .fileAbsent, .fileUnlisted, .manifestEmpty, .descriptorUnusable,
        ]
        if let failure = failures.first(where: { !passable.contains($0.code) }) {
            throw CommandFailure(status: .damaged, message: "\(source): \(failure.message)")
        }
        guard isLenient else {
            guard let failure = failures.first else { return [] }
            throw CommandFailure(
                status: .damaged,
                message: OptionWords.copy.message("\(source): \(failure.message)", .lenient))
        }
        return failures.map(\.message)
    }

    /// What the user says of a file as it is that its bytes do not say, of which servers think otherwise than they are told.
    func contradictions(_ found: String?, _ container: String) -> [String] {
        var notes: [String] = []
        if let diskFormat, let found, diskFormat != found,
            !(Self.rawFormats.contains(found) && Self.rawFormats.contains(diskFormat))
        {
            notes.append("the disk's bytes are of format \(found), and the service is told \(diskFormat)")
        }
        if let containerFormat, containerFormat != container,
            !(container == "bare" && Self.rawContainers.contains(containerFormat))
        {
            notes.append(
                "the container of the bytes is \(container), and the service is told \(containerFormat)")
        }
        return notes
    }
}
