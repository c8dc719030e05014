<?php
// Reads what the public image's configuration reads; passwords may stand in files that *_FILE names.
function docker_setting(string $name, string $default): string {
    $file = getenv($name . '_FILE');
    if ($file) {
        return rtrim(file_get_contents($file), "\r\n");
    }
    $value = getenv($name);
    return $value === false ? $default : $value;
}

define('DB_NAME', docker_setting('WORDPRESS_DB_NAME', 'wordpress'));
define('DB_USER', docker_setting('WORDPRESS_DB_USER', 'example username'));
define('DB_PASSWORD', docker_setting('WORDPRESS_DB_PASSWORD', 'example password'));
define('DB_HOST', docker_setting('WORDPRESS_DB_HOST', 'mysql'));
define('DB_CHARSET', docker_setting('WORDPRESS_DB_CHARSET', 'utf8mb4'));
define('DB_COLLATE', docker_setting('WORDPRESS_DB_COLLATE', ''));
// KEYS are written here at first start.
$table_prefix = docker_setting('WORDPRESS_TABLE_PREFIX', 'wp_');
define('WP_DEBUG', (bool) docker_setting('WORDPRESS_DEBUG', ''));
if (strpos($_SERVER['HTTP_X_FORWARDED_PROTO'] ?? '', 'https') !== false) {
    $_SERVER['HTTPS'] = 'on';
}
if ($extra = docker_setting('WORDPRESS_CONFIG_EXTRA', '')) {
    eval($extra);
}
if (!defined('ABSPATH')) {
    define('ABSPATH', __DIR__ . '/');
}
require_once ABSPATH . 'wp-settings.php';
