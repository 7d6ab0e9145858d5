// Tests of files of settings that cannot be used.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import RemoteSources

extension CloudsConfigurationTests {
    @Test("a file that may not be read, a variable that names none, and a cloud that is a text are said so")
    func unusableFiles() throws {
        let path = "/home/u/.config/openstack/clouds.yaml"
        for cloud in ["one", nil] {
            let error = openStackError {
                _ = try CloudsConfiguration.read(cloud: cloud, from: Self.search([:], [:], forbidden: [path]))
            }
            #expect(error?.kind == .settings)
            #expect(
                error?.description == "\(path) is there, and may not be read by this user: permission denied")
        }
        let passedOver = try CloudsConfiguration.read(
            from: Self.search(["OS_CLIENT_CONFIG_FILE": "/nosuch"], ["./clouds.yaml": Self.basic]))
        #expect(passedOver.warnings.count { $0.hasPrefix("OS_CLIENT_CONFIG_FILE names /nosuch") } == 1)
        let text = openStackError { _ = try Self.read("clouds: {one: x}", cloud: "one") }
        #expect(text?.description.contains("the cloud one is no list of names and values") == true)
    }
}
