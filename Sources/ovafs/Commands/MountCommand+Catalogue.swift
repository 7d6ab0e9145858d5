// `ovafs mount glance:`: shows all images of a cloud as folders.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ByteSources
import Catalogue
import FileTree
import FuseServer
import Glibc
import Logging
import RemoteSources
import SystemPackage

extension MountCommand {
    /// Lists the images of the cloud, has `broker` mount, and returns when the mount is gone. `warnings` are said, too.
    /// - Throws: `CommandFailure` where the images cannot be listed, or nothing can be mounted.
    func mountCatalogue(
        _ options: MountOptions, through broker: MountLink, _ background: BackgroundServer?,
        _ remote: RemoteSession, _ sandbox: Sandbox, log: Logger, warnings: [String]
    ) throws {
        guard !options.verifiesManifest else {
            throw CommandFailure(
                status: .wrongUsage,
                message: "verify= is for one image; leave it out, or mount glance:NAME")
        }
        var opening = options.appliance
        let shared = try Self.sharedResources(opening)
        defer { shared.stop() }
        opening.shared = shared
        let client = try remote.images()
        let access = try remote.access()
        // Said once.
        if remote.lacksCacheFolder { opening.cacheFolder = nil }
        let opener = ImageOpener(
            client, through: access, options: opening,
            showsControlDirectory: options.controlDirectoryIsVisible
        ) { log.warning("\(ImageReference.prefix) \($0)") }
        let catalogue: ImageCatalogue
        do throws(OpenStackError) {
            catalogue = try ImageCatalogue(
                timeLimit: remote.options.timeoutInSeconds,
                listLifetime: listLifetime ?? ImageCatalogue.usualListLifetime,
                list: { deadline throws(OpenStackError) in try client.images(until: deadline) },
                opening: { image, deadline throws(FolderFailure) in
                    try opener.open(image, until: deadline)
                })
        } catch {
            throw CommandFailure(error)
        }
        for note in warnings + remote.takeNotes(thenLoggingTo: log) {
            StandardError.write("warning: \(note)")
            if background != nil { log.warning("\(note)") }
        }
        let statistics = ServerStatistics()
        let root = CatalogueRoot.make(
            showsControlDirectory: options.controlDirectoryIsVisible, time: Int64(time(nil))
        ) {
            MountStatistics(
                cache: shared.cache, source: shared.meter, served: statistics, remote: remote.meter,
                sandbox: sandbox
            ).json()
        }
        let server = FuseServer(
            tree: root, catalogue: catalogue, options: options.session,
            statistics: statistics, log: log)
        try show(server, through: broker, options, background)
    }

    private static func sharedResources(_ options: ApplianceOptions) throws -> SharedResources {
        do throws(ReadError) {
            return try SharedResources(options)
        } catch {
            throw CommandFailure(status: .cannotReadSource, message: "\(error)")
        }
    }
}
