// `ovafs images`: the images of an OpenStack cloud.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ArgumentParser
import RemoteSources

struct ImagesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "images",
        abstract: "List the images of an OpenStack cloud.",
        discussion: """
            Lists what the image service shows to the project, newest first; hidden images are left out. Each can be a \
            SOURCE, as glance:ID, or as glance:NAME where no other one has its name. Who asks, and where, is read \
            from the OS_* variables and clouds.yaml, as by other programs of OpenStack.

            Exit codes: 0 listed, 2 wrong usage, or settings that are missing or wrong, 3 the cloud cannot be \
            reached, or refuses.

            Example: ovafs images --os-cloud mycloud
            """)

    @OptionGroup
    var cloud: CloudArguments

    @Flag(help: "Print JSON.")
    var json = false

    @Flag(
        help: """
            Read the virtual sizes that the service does not know from the headers of bare images; of at most 200, \
            and for no longer than --timeout.
            """)
    var virtualSizes = false

    @OptionGroup
    var timeout: TimeoutArguments

    func run() throws {
        var options = RemoteOptions()
        options.cloud = cloud.osCloud
        timeout.apply(to: &options)
        let remote = RemoteSession(options)
        let client = try remote.images()
        let images: [GlanceImage]
        do throws(OpenStackError) {
            images = try client.images(until: Deadline(after: options.timeoutInSeconds))
        } catch {
            throw CommandFailure(error)
        }
        var list = ImageList(images)
        if virtualSizes {
            let reading = HeaderReading(client, through: try remote.access(), options.timeoutInSeconds)
            reading.addVirtualSizes(to: &list, of: images)
        }
        for note in remote.takeNotes() { StandardError.write("warning: \(note)") }
        for warning in list.warnings { StandardError.write("warning: \(warning)") }
        try StandardOutput.write(json ? JSONText.encode(list) : Array(list.table.utf8))
    }
}
