// `ovafs upload`: makes an image of an OpenStack cloud from a disk or a package.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ArgumentParser
import ByteSources
import RemoteSources
import Synchronization

struct UploadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "upload",
        abstract: "Make an image of an OpenStack cloud from a disk or a package.",
        discussion: """
            Sends a disk as a raw image, decoded while it is sent, or with --as-stored a file as it is: that of the \
            disk, or without DISK the SOURCE, such as a whole OVA. Formats, properties and the size of the disk are \
            told as the descriptor says. The image's id is printed. What the service stored is compared with what was \
            sent; an upload that fails, or is interrupted, is deleted.

            Exit codes: 0 the image is there, 1 the disk is damaged, or of a kind that ovafs does not read, or the \
            service did not take it, 2 wrong usage, or settings that are missing or wrong, 3 the source cannot be read, or \
            the cloud lets nobody in.

            Example: ovafs upload appliance.ova --name appliance --os-cloud mycloud
            """)

    @OptionGroup
    var source: SourceArguments

    @Argument(
        help:
            "The disk, by id, file name or raw name, or a partition or snapshot by the path that info shows; needed where there are several disks.",
        completion: .custom { words, _, _ in DiskNameCompletion.candidates(words) })
    var disk: String?

    @OptionGroup
    var image: ImageArguments

    @Flag(help: "Send the file as it is: that of the disk, or without DISK all of the source.")
    var asStored = false

    @Flag(help: "Print JSON in place of the id.")
    var json = false

    func run() throws {
        let remote = try source.remoteSession()
        let client = try remote.images()
        // Before anything is opened, which may take long: whether the cloud lets this user in.
        let others: [String]
        do throws(OpenStackError) {
            others = try client.ids(
                ofImagesNamed: image.name, until: Deadline(after: remote.options.timeoutInSeconds))
        } catch {
            throw CommandFailure(error)
        }
        let located = try SourceLocator.locate(source.source, through: remote)
        var options = try source.options
        options.prefetchThreadCount = ProcessorCount.current
        let appliance = try Appliance.open(
            located, named: source.source, through: remote, options: options, words: .copy)
        defer { appliance.stopPrefetching() }
        for problem in appliance.cacheProblems + remote.takeNotes() {
            StandardError.write("warning: \(problem)")
        }
        let choice = UploadChoice(
            appliance: appliance, located: located, source: source.shownSource, disk: disk,
            isLenient: source.lenient, diskFormat: image.diskFormat, containerFormat: image.containerFormat)
        let plan = try asStored ? choice.stored() : choice.raw()
        for note in plan.notes { StandardError.write("note: \(note)") }
        let outcome = try send(plan, through: remote, to: client)
        try report(outcome, others)
    }

    private func send(
        _ plan: UploadPlan, through remote: RemoteSession, to client: GlanceClient
    ) throws -> GlanceUpload.Outcome {
        let sent = SentCount()
        let bytes = ByteSourceUpload(
            plan.bytes, progress: { sent.byteCount.store($0, ordering: .relaxed) }, check: plan.check)
        let bar = ProgressBar(plan.label, of: plan.bytes.byteCount) {
            sent.byteCount.load(ordering: .relaxed)
        }
        let new = image.image(of: plan)
        let upload = try remote.upload(to: client)
        let interruption = Interruption()
        do throws(OpenStackError) {
            return try interruption.guarding(
                { () throws(OpenStackError) in upload }, undo: { $0.cancel() }
            ) { upload throws(OpenStackError) in
                try bar.show { () throws(OpenStackError) in
                    try upload.run(new, from: bytes, noteMade: Self.show)
                }
            }
        } catch {
            let failure = CommandFailure(upload: error, of: "\(source.shownSource): \(plan.label)")
            guard !asStored, failure.status == .damaged, case .unreadable = error.kind else { throw failure }
            throw CommandFailure(
                status: failure.status,
                message: "\(failure.message); 'ovafs extract --damaged=zero' makes a copy with zeros there")
        }
    }

    /// For people at a terminal, who may end the command in a way that leaves the image.
    private static func show(_ id: String) {
        guard Terminal.canRedraw else { return }
        ProgressBar.clear()
        StandardError.write("image \(id) is made")
    }

    private func report(_ outcome: GlanceUpload.Outcome, _ others: [String]) throws {
        let id = outcome.image.id
        if !outcome.isCompared {
            StandardError.write(
                "warning: the service has no digest of image \(id) that is known here: only its length was compared"
            )
        }
        if !others.isEmpty {
            StandardError.write(
                "note: there are other images of this name (\(DiskChoice.list(others))): name this one by its id"
            )
        }
        do {
            try StandardOutput.write(
                json ? JSONText.encode(UploadReport(outcome)) : Array("\(id)\n".utf8))
        } catch let failure as CommandFailure {
            throw CommandFailure(
                status: failure.status, message: "\(failure.message); image \(id) was made all the same")
        }
    }
}

/// How much was sent so far.
private final class SentCount: Sendable {
    let byteCount = Atomic<UInt64>(0)
}
