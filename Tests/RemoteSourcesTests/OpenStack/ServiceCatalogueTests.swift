// Tests of choosing the image service of a catalogue.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import RemoteSources

@Suite("A catalogue of services")
struct ServiceCatalogueTests {
    private func endpoint(_ catalogue: String, _ settings: [String: String] = [:]) throws -> String {
        let cloud = FakeCloud { _, _ in .token("t", catalogue: catalogue) }
        return try cloud.session(FakeCloud.settings(settings)).access(until: .never).endpoint.text
    }

    @Test("interface and region choose; without a region, the first")
    func choice() throws {
        #expect(try endpoint(FakeCloud.catalogue) == "http://images.example/image")
        #expect(try endpoint(FakeCloud.catalogue, ["OS_REGION_NAME": "Two"]) == "http://two.example/")
        #expect(
            try endpoint(FakeCloud.catalogue, ["OS_INTERFACE": "adminURL"]) == "http://admin.example:9292/")
        #expect(
            try endpoint(FakeCloud.catalogue, ["OS_IMAGE_ENDPOINT_OVERRIDE": "http://o/x/v2.16/"])
                == "http://o/x")
    }

    @Test("versions and slashes at the end are left out")
    func versions() throws {
        for (text, base) in [
            ("http://h", "http://h/"), ("http://h/", "http://h/"), ("http://h/v2", "http://h/"),
            ("http://h/v2/", "http://h/"), ("http://h/v2.1", "http://h/"),
            ("http://h/image/v2//", "http://h/image"),
            ("http://h/image", "http://h/image"), ("http://h/vault", "http://h/vault"),
            ("http://h/v", "http://h/v"),
            ("http://h/v2.", "http://h/v2."), ("http://h/v2.1.3", "http://h/v2.1.3"),
        ] {
            let catalogue = """
                [{"type": "image", "endpoints": [{"interface": "public", "url": "\(text)"}]}]
                """
            #expect(try endpoint(catalogue) == base)
        }
    }

    @Test("what is missing is said, with what there is")
    func missing() throws {
        let other = openStackError {
            _ = try endpoint(#"[{"type": "compute", "endpoints": []}, {"type": "volumev3"}]"#)
        }
        #expect(other?.description.contains("no image service, only compute, volumev3") == true)
        let region = openStackError { _ = try endpoint(FakeCloud.catalogue, ["OS_REGION_NAME": "Three"]) }
        #expect(
            region?.description.contains(
                "public in the region Three; it has admin in One, public in One, public in Two") == true)
        let interface = openStackError { _ = try endpoint(FakeCloud.catalogue, ["OS_INTERFACE": "internal"]) }
        #expect(interface?.description.contains("that is internal") == true)
        let scope = openStackError {
            let cloud = FakeCloud { _, _ in .token("t", catalogue: "[]") }
            _ = try cloud.session(FakeCloud.settings(without: "OS_PROJECT_NAME")).access(until: .never)
        }
        #expect(scope?.description.contains("set project_name") == true)
    }

    @Test("addresses that are none, and entries of any type, are no trap")
    func hostile() throws {
        for address in [
            "file:///etc/passwd", "javascript:1", "http://", "http://h/?x=1", "http://h:99999/", "//h/",
        ] {
            let catalogue = """
                [{"type": "image", "endpoints": [{"interface": "public", "url": "\(address)"}]}]
                """
            let error = openStackError { _ = try endpoint(catalogue) }
            #expect(error?.kind == .malformed)
        }
        for catalogue in [
            "5", "[5]", #"[{"type": 5}]"#, #"[{"type": "image", "endpoints": 5}]"#,
            #"[{"type": "image", "endpoints": [5, {}, {"interface": 5, "url": "x"}]}]"#,
            #"[{"type": "image", "endpoints": [{"interface": "public", "url": null}]}]"#,
        ] {
            let error = openStackError { _ = try endpoint(catalogue) }
            #expect(error?.kind == .settings)
        }
    }
}
