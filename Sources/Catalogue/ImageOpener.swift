// Opens an image of a catalogue.
// SPDX-License-Identifier: Apache-2.0

package import Appliance
import ByteSources
package import FileTree
package import RemoteSources

/// What all images of a catalogue are opened with.
package struct ImageOpener: Sendable {
    private let client: GlanceClient
    private let access: RemoteAccess
    private let options: ApplianceOptions
    private let showsControlDirectory: Bool
    private let note: @Sendable (String) -> Void
    private let noted = NotedLines()

    /// - Parameters:
    ///   - client: Asks the service.
    ///   - access: Reads the images.
    ///   - options: How they are opened; what they share is in it.
    ///   - showsControlDirectory: Whether `.ova` is listed in their folders.
    ///   - note: Is told what is questionable about an image that is opened, one line each.
    package init(
        _ client: GlanceClient, through access: RemoteAccess, options: ApplianceOptions,
        showsControlDirectory: Bool, note: @escaping @Sendable (String) -> Void
    ) {
        self.client = client
        self.access = access
        self.options = options
        self.showsControlDirectory = showsControlDirectory
        self.note = note
    }

    /// Opens an image that was listed.
    /// - Throws: `FolderFailure`; of kind `gone` where its data is no longer what it was.
    package func open(_ listed: CatalogueImage, until deadline: Deadline) throws(FolderFailure) -> OpenFolder
    {
        let (image, found) = try find(listed, until: deadline)
        var object = found
        let refusal = SleepingMutex(0)
        let meaning = object.meaning
        object.meaning = { status in
            refusal.withLock { $0 = status }
            return meaning?(status)
        }
        let source: any ByteSource
        do throws(ReadError) {
            source = try RemoteOpener.open(object, through: access)
        } catch {
            // What the service says of the image now says more: it may have been deleted or stopped since.
            _ = try find(listed, until: deadline)
            throw FolderFailure(error, afterAnswer: refusal.withLock { $0 })
        }
        let appliance: Appliance
        do throws(ApplianceError) {
            appliance = try Appliance.open(
                .remote(
                    source, name: image.fileName, modificationTime: listed.modificationTime,
                    image: ImageRecord(image)), options: options)
        } catch {
            throw FolderFailure(error)
        }
        do throws(ReadError) {
            let tree = try ApplianceTree.make(
                for: appliance, showsControlDirectory: showsControlDirectory, liveStatistics: nil)
            for problem in appliance.problems { say("\(image.shownName): \(problem.message)") }
            appliance.reportCacheProblems { say("\(image.shownName): \($0)") }
            return OpenFolder(
                tree, owner: OpenImage(appliance) { [self] in say("\(image.shownName): \($0)") })
        } catch {
            throw FolderFailure(error)
        }
    }

    private func say(_ line: String) {
        switch noted.note(line) {
        case .isNew: note(line)
        case .isOneTooMany: note("what is questionable about further images is not logged within this hour")
        case .isKnown: break
        }
    }

    private func find(
        _ listed: CatalogueImage, until deadline: Deadline
    ) throws(FolderFailure) -> (GlanceImage, RemoteObject) {
        do throws(OpenStackError) {
            let image = try client.image(id: listed.id, until: deadline)
            if image.status == .deactivated, let reason = image.unusableReason {
                throw OpenStackError(.refused, reason)
            }
            guard !listed.isReplaced(by: image.version) else {
                throw OpenStackError(.notFound, "\(image.shownName) was replaced since it was listed")
            }
            return (image, try client.object(for: image, until: deadline))
        } catch {
            throw FolderFailure(error)
        }
    }
}

/// An image as long as its folder is open.
private final class OpenImage: Sendable {
    private let appliance: Appliance
    private let arrival: ArrivalCheck?

    init(_ appliance: Appliance, report: @escaping @Sendable (String) -> Void) {
        self.appliance = appliance
        arrival = ArrivalCheck(of: appliance, report: report)
        // Without a thread the disks are looked at when they are read.
        try? arrival?.start()
    }

    deinit {
        arrival?.stop()
    }
}

extension FolderFailure {
    /// Why the data cannot be had, where the last answer to the first request for it had this `status`; 0 where there was
    /// none that means anything.
    init(_ error: ReadError, afterAnswer status: Int) {
        switch status {
        case 401, 403: self.init(.refused, error.description)
        case 404, 410: self.init(.gone, error.description)
        default: self.init(error)
        }
    }

    init(_ error: ReadError) {
        let kind: Kind =
            switch error {
            case .stale: .gone
            case .overBudget: .overBudget
            default: .unreadable
            }
        self.init(kind, error.description)
    }

    init(_ error: ApplianceError) {
        let kind: Kind =
            switch error.kind {
            case .tooManyOpenFiles: .tooManyOpenFiles
            case .damaged where error.remedy == .openMemory: .overBudget
            case .unreadable, .damaged: .unreadable
            }
        self.init(kind, error.description)
    }
}

extension ImageRecord {
    package init(_ image: GlanceImage) {
        self.init(
            id: image.id, name: image.name, containerFormat: image.containerFormat,
            diskFormat: image.diskFormat,
            digest: image.comparableDigest.map { ImageDigest(algorithm: $0.algorithm, digits: $0.digits) },
            properties: image.properties.map { Property(name: $0.name, value: $0.value) })
    }
}
