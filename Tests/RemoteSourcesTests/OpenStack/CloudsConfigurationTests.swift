// Tests of how a cloud is chosen and what its settings mean.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Testing

@testable import RemoteSources

@Suite("Settings of a cloud")
struct CloudsConfigurationTests {
    static let basic = """
        clouds:
          one:
            auth: {auth_url: "https://one.example:5000/v3", username: u, password: p, project_name: q,
              user_domain_name: Default, project_domain_id: default}
        """

    static func search(
        _ environment: [String: String] = [:], _ files: [String: String], open: Set<String> = [],
        forbidden: Set<String> = []
    ) -> ConfigurationSearch {
        ConfigurationSearch(environment: environment.merging(["HOME": "/home/u"]) { first, _ in first }) {
            path in
            if forbidden.contains(path) { return .forbidden }
            guard let text = files[path] else { return .absent }
            return .file(ConfigurationFile(bytes: Array(text.utf8), isOpenToOthers: open.contains(path)))
        }
    }

    static func read(
        _ yaml: String, cloud: String? = nil, _ environment: [String: String] = [:]
    ) throws -> CloudsConfiguration {
        try CloudsConfiguration.read(cloud: cloud, from: search(environment, ["./clouds.yaml": yaml]))
    }

    private static func credentials(_ configuration: CloudsConfiguration) throws -> KeystoneCredentials {
        guard case .keystone(_, let credentials) = configuration.identity else {
            throw OpenStackError(.settings, "no Keystone")
        }
        return credentials
    }

    @Test("the only cloud of a file is taken, with all its parts")
    func onlyCloud() throws {
        let configuration = try Self.read(
            Self.basic + """

                    region_name: R
                    interface: internalURL
                    cacert: ~/ca.pem
                    cert: /c.pem
                    key: /k.pem
                    image_endpoint_override: http://images.example/v2
                """)
        #expect(configuration.cloudName == "one")
        guard case .keystone(let address, let credentials) = configuration.identity else {
            Issue.record("no Keystone")
            return
        }
        #expect(address.text == "https://one.example:5000/v3")
        #expect(
            credentials
                == KeystoneCredentials(
                    method: .password(user: .name("u", domain: .name("Default")), Secret("p")),
                    scope: .project(.name("q", domain: .id("default")))))
        #expect(configuration.interfaces == ["internal"])
        #expect(configuration.region == "R")
        #expect(configuration.imageEndpoint?.text == "http://images.example/v2")
        #expect(configuration.security.authoritiesPath == "/home/u/ca.pem")
        #expect(configuration.security.certificatePath == "/c.pem")
        #expect(configuration.security.keyPath == "/k.pem")
        #expect(configuration.security.isVerified)
        #expect(configuration.warnings.isEmpty)
    }

    @Test("files are looked for in openstacksdk's order; the first that may be read is the only one")
    func order() throws {
        let paths = [
            "/chosen.yaml", "./clouds.yaml", "./clouds.yml", "./clouds.json", "/xdg/openstack/clouds.yaml",
            "/home/u/.config/openstack/clouds.yaml", "/site/openstack/clouds.yaml",
            "/etc/openstack/clouds.yaml",
            "/etc/openstack/clouds.json",
        ]
        let environment = [
            "OS_CLIENT_CONFIG_FILE": "/chosen.yaml", "XDG_CONFIG_HOME": "/xdg",
            "XDG_CONFIG_DIRS": "/site:/more",
        ]
        let text = { (name: String) in
            """
            {"clouds": {"\(name)": {"auth_type": "none", "auth": {"endpoint": "http://e"}}}}
            """
        }
        for first in paths.indices {
            var files: [String: String] = [:]
            for path in paths[first...] { files[path] = text(path) }
            let found = try CloudsConfiguration.read(from: Self.search(environment, files))
            #expect(found.cloudName == paths[first])
            let next = try? CloudsConfiguration.read(
                from: Self.search(environment, files, forbidden: [paths[first]]))
            #expect(next?.cloudName == paths[first...].dropFirst().first)
        }
        let searched = Self.search(["XDG_CONFIG_HOME": ""], [:]).folders
        #expect(
            searched == [
                ".", "/home/u/.config/openstack", "/home/u/.config/openstack", "/etc/xdg/openstack",
                "/etc/openstack",
            ])
    }

    @Test("secure.yaml is laid over clouds.yaml, section by section")
    func secure() throws {
        let secure = "clouds:\n  one:\n    auth: {password: secret, username: v}\n  other: {a: b}\n"
        let files = ["./clouds.yaml": Self.basic, "/etc/openstack/secure.yml": secure]
        let configuration = try CloudsConfiguration.read(cloud: "one", from: Self.search(files))
        #expect(
            try Self.credentials(configuration).method
                == .password(user: .name("v", domain: .name("Default")), Secret("secret")))
        let chosen = [
            "./clouds.yaml": Self.basic, "/s.json": #"{"clouds": {"one": {"auth": {"password": 12}}}}"#,
        ]
        let other = try CloudsConfiguration.read(
            from: Self.search(["OS_CLIENT_SECURE_FILE": "/s.json"], chosen))
        #expect(try Self.credentials(other).secrets == [Secret("12")])
    }

    private static func search(_ files: [String: String]) -> ConfigurationSearch { search([:], files) }

    @Test("a cloud is the one asked for, that of OS_CLOUD, that of the variables, or the only one")
    func choice() throws {
        let two =
            "clouds: {a: {auth_type: none, endpoint: 'http://a'}, b: {auth_type: none, endpoint: 'http://b'}}"
        let variables = ["OS_AUTH_TYPE": "none", "OS_ENDPOINT": "http://v"]
        #expect(
            try Self.read(two, cloud: "a", variables.merging(["OS_CLOUD": "b"]) { $1 }).imageEndpoint?.text
                == "http://a/")
        #expect(
            try Self.read(two, variables.merging(["OS_CLOUD": "b"]) { $1 }).imageEndpoint?.text == "http://b/"
        )
        #expect(try Self.read(two, variables).imageEndpoint?.text == "http://v/")
        let several = openStackError { _ = try Self.read(two) }
        #expect(several?.kind == .settings)
        #expect(several?.description.contains("a, b") == true)
        let unknown = openStackError { _ = try Self.read(two, cloud: "c") }
        #expect(unknown?.description.contains("has no cloud c") == true)
        // Variables that only choose are no cloud.
        #expect(try Self.read(Self.basic, ["OS_REGION_NAME": "R"]).cloudName == "one")
        #expect(try Self.read(Self.basic, ["OS_REGION_NAME": "R"]).region == "R")
        #expect(
            try Self.read(Self.basic, ["OS_LOG_LEVEL": "x", "OS_TEST_X": "y", "OS_STDOUT_CAPTURE": "1"])
                .cloudName == "one")
        let none = openStackError { _ = try CloudsConfiguration.read(from: Self.search([:])) }
        #expect(none?.description.contains("OS_AUTH_URL") == true)
        let missing = openStackError { _ = try CloudsConfiguration.read(cloud: "x", from: Self.search([:])) }
        #expect(missing?.description.contains("no clouds.yaml was found") == true)
        let misnamed = openStackError {
            _ = try CloudsConfiguration.read(
                cloud: "demo",
                from: ConfigurationSearch(
                    environment: ["OS_CLIENT_CONFIG_FILE": "/nosuch"], look: { _ in .absent }))
        }
        #expect(misnamed?.description.contains("OS_CLIENT_CONFIG_FILE names /nosuch") == true)
        let empty = openStackError { _ = try Self.read("other: 1") }
        #expect(empty?.description.contains("has no clouds") == true)
    }

    @Test("where a cloud names no authorities, those that the environment names count")
    func authorities() throws {
        let bundle = ["CURL_CA_BUNDLE": "/bundle.pem"]
        let both = ["CURL_CA_BUNDLE": "/bundle.pem", "SSL_CERT_FILE": "/file.pem"]
        #expect(try Self.read(Self.basic).security.authoritiesPath == nil)
        #expect(try Self.read(Self.basic, bundle).security.authoritiesPath == "/bundle.pem")
        #expect(try Self.read(Self.basic, both).security.authoritiesPath == "/bundle.pem")
        #expect(
            try Self.read(Self.basic, ["CURL_CA_BUNDLE": "", "SSL_CERT_FILE": "/file.pem"]).security
                .authoritiesPath == "/file.pem")
        let own = try Self.read(Self.basic + "\n    cacert: /own.pem\n", both)
        #expect(own.security.authoritiesPath == "/own.pem")
    }

    @Test("the variables alone are a cloud")
    func variables() throws {
        let configuration = try FakeCloud.settings([
            "OS_REGION_NAME": "Two", "OS_INTERFACE": "admin", "OS_CACERT": "/ca",
        ])
        #expect(configuration.cloudName == "OS_* variables")
        #expect(configuration.region == "Two")
        #expect(configuration.interfaces == ["admin"])
        #expect(configuration.security.authoritiesPath == "/ca")
        let credentials = try Self.credentials(configuration)
        #expect(credentials.scope == .project(.name("demo", domain: .name("Default"))))
        #expect(
            credentials.method
                == .password(user: .name("demo", domain: .name("Default")), Secret("demo-secret")))
        // Words that YAML would make nothing of.
        #expect(try Self.credentials(FakeCloud.settings(["OS_PASSWORD": "null"])).secrets == [Secret("null")])
    }

    @Test("old names and one domain for all")
    func oldNames() throws {
        let tenant = try FakeCloud.settings(
            ["OS_TENANT_NAME": "t", "OS_DOMAIN_ID": "d", "OS_ENDPOINT_TYPE": "publicURL"],
            without: "OS_PROJECT_NAME", "OS_USER_DOMAIN_NAME", "OS_PROJECT_DOMAIN_NAME")
        let credentials = try Self.credentials(tenant)
        #expect(credentials.scope == .project(.name("t", domain: .id("d"))))
        #expect(credentials.method == .password(user: .name("demo", domain: .id("d")), Secret("demo-secret")))
        let dashes = try Self.read(
            """
            clouds:
              x:
                auth-type: password
                auth: {auth-url: http://k, user-id: i, password: p, tenant-id: t}
                region-name: R
            """)
        #expect(try Self.credentials(dashes).method == .password(user: .id("i"), Secret("p")))
        #expect(try Self.credentials(dashes).scope == .project(.id("t")))
        #expect(dashes.region == "R")
        let domain = try FakeCloud.settings(["OS_DOMAIN_NAME": "D"], without: "OS_PROJECT_NAME")
        #expect(try Self.credentials(domain).scope == .domain(.name("D")))
        let usual = try FakeCloud.settings(
            ["OS_DEFAULT_DOMAIN": "default"], without: "OS_USER_DOMAIN_NAME", "OS_PROJECT_DOMAIN_NAME")
        #expect(try Self.credentials(usual).scope == .project(.name("demo", domain: .id("default"))))
    }

    @Test("application credentials, tokens and none")
    func otherIdentities() throws {
        let byID = try Self.read(
            """
            clouds: {x: {auth_type: v3applicationcredential, auth: {auth_url: 'http://k', project_name: ignored,
              application_credential_id: i, application_credential_secret: s}}}
            """)
        #expect(
            try Self.credentials(byID)
                == KeystoneCredentials(method: .applicationCredential(.id("i"), Secret("s")), scope: nil))
        let byName = try FakeCloud.settings(
            ["OS_APPLICATION_CREDENTIAL_NAME": "n", "OS_APPLICATION_CREDENTIAL_SECRET": "s"],
            without: "OS_PASSWORD")
        #expect(
            try Self.credentials(byName).method
                == .applicationCredential(
                    .name("n", user: .name("demo", domain: .name("Default"))), Secret("s")))
        let token = try FakeCloud.settings(["OS_TOKEN": "t"], without: "OS_PASSWORD")
        #expect(try Self.credentials(token).method == .token(Secret("t")))
        let old = try FakeCloud.settings(["OS_AUTH_TYPE": "v3token", "OS_AUTH_TOKEN": "t"])
        #expect(try Self.credentials(old).method == .token(Secret("t")))
        let none = try FakeCloud.settings(["OS_AUTH_TYPE": "none", "OS_ENDPOINT": "http://e/v2/"])
        #expect(none.identity == .none(token: nil))
        #expect(none.imageEndpoint?.text == "http://e/v2/")
        let admin = try FakeCloud.settings([
            "OS_AUTH_TYPE": "admin_token", "OS_TOKEN": "t", "OS_IMAGE_URL": "http://e",
        ])
        #expect(admin.identity == .none(token: Secret("t")))
    }

    @Test(
        "settings that cannot be used are named",
        arguments: [
            (["OS_AUTH_URL": ""], "OS_AUTH_URL is not set"), (["OS_PASSWORD": ""], "OS_PASSWORD is not set"),
            (["OS_USERNAME": ""], "OS_USERNAME is not set"),
            (["OS_USER_DOMAIN_NAME": ""], "OS_USER_DOMAIN_NAME is not set"),
            (["OS_PROJECT_DOMAIN_NAME": ""], "OS_PROJECT_DOMAIN_NAME is not set"),
            (["OS_AUTH_TYPE": "v3totp"], "OS_AUTH_TYPE v3totp"),
            (["OS_AUTH_TYPE": "token"], "OS_TOKEN is not set"),
            (["OS_AUTH_TYPE": "v3applicationcredential"], "OS_APPLICATION_CREDENTIAL_SECRET is not set"),
            (["OS_AUTH_TYPE": "none"], "OS_ENDPOINT or OS_IMAGE_ENDPOINT_OVERRIDE"),
            (["OS_AUTH_URL": "ftp://k"], "OS_AUTH_URL: the address"),
            (["OS_INTERFACE": "inner"], "OS_INTERFACE"),
            (["OS_SYSTEM_SCOPE": "all"], "OS_SYSTEM_SCOPE"), (["OS_VERIFY": "perhaps"], "OS_VERIFY"),
        ])
    func unusable(_ change: [String: String], words: String) {
        let error = openStackError { _ = try FakeCloud.settings(change) }
        #expect(error?.kind == .settings)
        #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
    }

    @Test("certificates are checked unless someone says no")
    func verification() throws {
        #expect(try FakeCloud.settings().security.isVerified)
        #expect(try !FakeCloud.settings(["OS_INSECURE": "True"]).security.isVerified)
        #expect(try FakeCloud.settings(["OS_INSECURE": "no"]).security.isVerified)
        #expect(try !FakeCloud.settings(["OS_VERIFY": "false"]).security.isVerified)
        #expect(try !Self.read(Self.basic + "\n    verify: no").security.isVerified)
        #expect(try !Self.read(Self.basic + "\n    insecure: yes").security.isVerified)
        let quoted = openStackError { _ = try Self.read(Self.basic + "\n    verify: 'false'") }
        #expect(quoted?.description.contains("verify") == true)
    }

    @Test("regions: the first, or the one that OS_REGION_NAME names, with values of its own")
    func regions() throws {
        let yaml =
            Self.basic + """

                    regions:
                      - A
                      - name: B
                        values: {image_endpoint_override: "http://b.example", auth: {project_name: other}}
                """
        #expect(try Self.read(yaml).region == "A")
        #expect(try Self.read(yaml).imageEndpoint == nil)
        let second = try Self.read(yaml, ["OS_REGION_NAME": "B"])
        #expect(second.region == "B")
        #expect(second.imageEndpoint?.text == "http://b.example/")
        #expect(try Self.credentials(second).scope == .project(.name("other", domain: .id("default"))))
        let third = openStackError { _ = try Self.read(yaml, ["OS_REGION_NAME": "C"]) }
        #expect(third?.description.contains("A, B") == true)
        #expect(try Self.read(Self.basic + "\n    region_name: A,B").region == "A")
        #expect(try Self.read(Self.basic).region == nil)
    }

    @Test(
        "a profile of clouds-public.yaml is what a cloud does not say itself; one that is not there is said")
    func profiles() throws {
        let yaml =
            "clouds: {x: {profile: prov, region_name: R, auth: {user_id: i, password: p, project_id: q}}}"
        let provider = """
            public-clouds:
              prov:
                auth: {auth_url: "https://{region_name}.example/v3", user_id: ignored}
                interface: internal
            """
        let files = ["./clouds.yaml": yaml, "/etc/openstack/clouds-public.yaml": provider]
        let configuration = try CloudsConfiguration.read(from: Self.search(files))
        guard case .keystone(let address, let credentials) = configuration.identity else {
            Issue.record("no Keystone")
            return
        }
        #expect(address.text == "https://r.example/v3")
        #expect(credentials.method == .password(user: .id("i"), Secret("p")))
        #expect(configuration.interfaces == ["internal"])
        let lost = try Self.read(Self.basic + "\n    profile: lost")
        #expect(lost.warnings.count == 1)
        #expect(lost.warnings.first?.contains("lost") == true)
    }

    @Test("names in an address stand for no secrets, and for no more than an address may have")
    func names() throws {
        let (names, long) = (String(repeating: "{x}", count: 40_000), String(repeating: "y", count: 100_000))
        for (address, setting) in [(names, "x: \(long)"), ("{token}", "token: t-1")] {
            let error = openStackError {
                _ = try Self.read("clouds: {x: {auth: {auth_url: \"http://\(address)\"}, \(setting)}}")
            }
            #expect(error?.description.contains("t-1") == false)
        }
    }

    @Test("a file with secrets that others can read is warned of")
    func openFiles() throws {
        let warned = try CloudsConfiguration.read(
            from: Self.search([:], ["./clouds.yaml": Self.basic], open: ["./clouds.yaml"]))
        #expect(
            warned.warnings == [
                "./clouds.yaml holds secrets and can be read by others: chmod 600 ./clouds.yaml"
            ])
        let noSecret = "clouds: {one: {auth: {auth_url: 'http://k', user_id: i, project_id: q}}}"
        let files = ["./clouds.yaml": noSecret, "./secure.yaml": "clouds: {one: {auth: {password: p}}}"]
        #expect(
            try CloudsConfiguration.read(from: Self.search([:], files, open: ["./clouds.yaml"])).warnings
                .isEmpty)
        #expect(
            try CloudsConfiguration.read(from: Self.search([:], files, open: ["./secure.yaml"])).warnings
                .count == 1)
    }

    @Test("a broken file is named with its line, and shows no secret")
    func broken() throws {
        let error = openStackError { _ = try Self.read("clouds:\n  x:\n    password: 'hunter2\n") }
        #expect(error?.description.contains("./clouds.yaml: line") == true)
        #expect(error?.description.contains("hunter2") == false)
        let json = openStackError {
            _ = try CloudsConfiguration.read(
                from: Self.search(["./clouds.json": #"{"clouds": {"x": hunter2"#]))
        }
        #expect(json?.description.contains("./clouds.json: no JSON") == true)
        #expect(json?.description.contains("hunter2") == false)
        let address = openStackError {
            _ = try FakeCloud.settings(["OS_AUTH_URL": "http://user:hunter2@/"])
        }
        #expect(address != nil)
        #expect(address?.description.contains("hunter2") == false)
    }

    @Test("files of the disk: one, none, a folder, one that others can read")
    func places() throws {
        #expect(ConfigurationFile.at("/nonexistent/clouds.yaml") == .absent)
        #expect(ConfigurationFile.at("/dev/null/clouds.yaml") == .absent)
        #expect(ConfigurationFile.at("a\0b") == .absent)
        #expect(ConfigurationFile.at("/") == .unusable(reason: "it is not a file"))
        #expect(ConfigurationFile.at("/dev/zero") == .unusable(reason: "it is not a file"))
        guard case .file(let file) = ConfigurationFile.at("/etc/passwd") else {
            Issue.record("no file")
            return
        }
        #expect(file.isOpenToOthers)
        #expect(file.bytes.starts(with: "root:".utf8))
        let error = openStackError {
            _ = try CloudsConfiguration.read(
                from: ConfigurationSearch(environment: ["OS_CLIENT_CONFIG_FILE": "/dev/zero"]))
        }
        #expect(error?.description == "/dev/zero: it is not a file")
    }
}
